"""Acting: starting workers, giving the word in turn, timing, probing the machine."""
