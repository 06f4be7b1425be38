"""The recipe of productnet as other libraries train it: workloads that `bench` measures like its own."""
