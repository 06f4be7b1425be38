"""The loop that trains on a CUDA device, in Triton: one program a training, from its first step to its last.

Samples lie in rows of lanes, (rows, units, lanes), so that warps share out the units and a sum over a layer's sources
stays inside a thread. Parameters and moments stay in memory that an SM has in its L1; what one thread writes another
reads after a barrier.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["num_epochs"])
def train_kernel(
    parameters,
    means,
    squares,
    gradients,
    features,
    targets,
    orders,
    corrections,
    losses,
    num_epochs,
    keep1,
    take1,
    keep2,
    take2,
    epsilon,
    NUM_PARAMETERS: tl.constexpr,
    LAYERS: tl.constexpr,
    NUM_HIDDEN: tl.constexpr,
    NUM_SAMPLES: tl.constexpr,
    BATCH: tl.constexpr,
    EPOCH: tl.constexpr,
    ROWS: tl.constexpr,
    LANES: tl.constexpr,
    BLOCK: tl.constexpr,
    PRODUCTS: tl.constexpr,
    SUMS: tl.constexpr,
):
    """Train for some epochs.

    Args:
        parameters, means, squares, gradients: (replicas, NUM_PARAMETERS) float32, as a model has them.
        features, targets: (replicas, NUM_SAMPLES, 2) and (replicas, NUM_SAMPLES) float32.
        orders: (replicas, num_epochs, NUM_SAMPLES) int32, numbers of samples.
        corrections: (steps, 2) float32: learning_rate / (1 - beta1^t) and 1 / sqrt(1 - beta2^t).
        losses: (replicas, steps) float32, written: mean loss of each step's batch.
        LAYERS: for each layer its sources and units, both also padded, and where its weights and biases begin.
        BATCH, EPOCH: samples in a batch, and in all batches of an epoch.
        ROWS, LANES: shape of a tile of samples; a batch is worked on tile by tile.
        BLOCK: parameters that are updated at once.
        PRODUCTS, SUMS: "sum" or "dot": how layers multiply, and how gradients of weights are summed over samples.
    """
    STEPS: tl.constexpr = (EPOCH + BATCH - 1) // BATCH
    TILES: tl.constexpr = (BATCH + ROWS * LANES - 1) // (ROWS * LANES)
    replica = tl.program_id(0).to(tl.int64)
    parameters += replica * NUM_PARAMETERS
    means += replica * NUM_PARAMETERS
    squares += replica * NUM_PARAMETERS
    gradients += replica * NUM_PARAMETERS
    features += replica * NUM_SAMPLES * 2
    targets += replica * NUM_SAMPLES
    orders += replica * num_epochs * NUM_SAMPLES
    num_steps = num_epochs * STEPS
    losses += replica * num_steps

    places, valid = _find_places(orders, 0, 0, num_steps, NUM_SAMPLES, BATCH, EPOCH, ROWS, LANES)
    feature0, feature1, target = _fetch(features, targets, places, valid)
    step = 0
    while step < num_steps:  # a range of what is no constant fails in Triton's interpreter with NumPy 2.4
        rate = tl.load(corrections + 2 * step)
        root = tl.load(corrections + 2 * step + 1)
        size = tl.minimum(BATCH, EPOCH - step % STEPS * BATCH).to(tl.float32)
        loss = 0.0
        for tile in range(TILES):
            # The next tile's samples are on their way while this one is worked on.
            is_last = tile + 1 == TILES
            next_step, next_tile = tl.where(is_last, step + 1, step), tl.where(is_last, 0, tile + 1)
            places, next_valid = _find_places(
                orders, next_step, next_tile, num_steps, NUM_SAMPLES, BATCH, EPOCH, ROWS, LANES
            )
            next0, next1, next_target = _fetch(features, targets, places, next_valid)
            hidden, output = _forward(parameters, feature0, feature1, LAYERS, NUM_HIDDEN, PRODUCTS)
            error = tl.where(valid, output - target, 0.0)
            loss += tl.sum(tl.sum(error * error, axis=1), axis=0)
            _backward(
                parameters,
                gradients,
                feature0,
                feature1,
                hidden,
                error * (2.0 / size),
                tile > 0,
                TILES > 1,
                LAYERS,
                NUM_HIDDEN,
                PRODUCTS,
                SUMS,
            )
            feature0, feature1, target, valid = next0, next1, next_target, next_valid
            tl.debug_barrier()
        tl.store(losses + step, loss / size)
        for start in range(0, NUM_PARAMETERS, BLOCK):
            places_of = start + tl.arange(0, BLOCK)
            there = places_of < NUM_PARAMETERS
            gradient = tl.load(gradients + places_of, mask=there)
            mean = keep1 * tl.load(means + places_of, mask=there) + take1 * gradient
            square = keep2 * tl.load(squares + places_of, mask=there) + take2 * gradient * gradient
            change = rate * mean / (tl.sqrt_rn(square) * root + epsilon)
            tl.store(means + places_of, mean, mask=there)
            tl.store(squares + places_of, square, mask=there)
            tl.store(parameters + places_of, tl.load(parameters + places_of, mask=there) - change, mask=there)
        tl.debug_barrier()
        step += 1


@triton.jit
def _find_places(
    orders,
    step,
    tile,
    num_steps,
    NUM_SAMPLES: tl.constexpr,
    BATCH: tl.constexpr,
    EPOCH: tl.constexpr,
    ROWS: tl.constexpr,
    LANES: tl.constexpr,
):
    """Say which samples make up a tile: their numbers, and whether there is one at all."""
    STEPS: tl.constexpr = (EPOCH + BATCH - 1) // BATCH
    lanes = tile * (ROWS * LANES) + tl.arange(0, ROWS)[:, None] * LANES + tl.arange(0, LANES)[None, :]
    in_epoch = step % STEPS * BATCH + lanes
    # Not "& (step < num_steps)": of two numbers of the host that is a truth of Python's, which Triton 3.9's
    # interpreter takes for no mask.
    valid = (lanes < BATCH) & (in_epoch < tl.where(step < num_steps, EPOCH, 0))
    return tl.load(orders + step // STEPS * NUM_SAMPLES + in_epoch, mask=valid, other=0), valid


@triton.jit
def _fetch(features, targets, places, valid):
    return (
        tl.load(features + 2 * places, mask=valid, other=0.0),
        tl.load(features + 2 * places + 1, mask=valid, other=0.0),
        tl.load(targets + places, mask=valid, other=0.0),
    )


@triton.jit
def _forward(
    parameters,
    feature0,
    feature1,
    LAYERS: tl.constexpr,
    NUM_HIDDEN: tl.constexpr,
    PRODUCTS: tl.constexpr,
):
    """Compute all hidden layers' outputs, (rows, units, lanes) each, and the network's, (rows, lanes)."""
    biases = _load_units(parameters, LAYERS[0][5], LAYERS[0][1], LAYERS[0][3], 1)
    weights0 = _load_units(parameters, LAYERS[0][4], LAYERS[0][1], LAYERS[0][3], 2)
    weights1 = _load_units(parameters, LAYERS[0][4] + 1, LAYERS[0][1], LAYERS[0][3], 2)
    units = weights0[None, :, None] * feature0[:, None, :] + weights1[None, :, None] * feature1[:, None, :]
    hidden = (_relu(units + biases[None, :, None]),)
    for layer in tl.static_range(1, NUM_HIDDEN):
        biases = _load_units(parameters, LAYERS[layer][5], LAYERS[layer][1], LAYERS[layer][3], 1)
        units = _multiply(parameters, hidden[layer - 1], LAYERS, layer, PRODUCTS)
        hidden = hidden + (_relu(units + biases[None, :, None]),)
    weights = _load_units(parameters, LAYERS[NUM_HIDDEN][4], LAYERS[NUM_HIDDEN][0], LAYERS[NUM_HIDDEN][2], 1)
    output = tl.sum(weights[None, :, None] * hidden[NUM_HIDDEN - 1], axis=1)
    return hidden, output + tl.load(parameters + LAYERS[NUM_HIDDEN][5])


@triton.jit
def _backward(
    parameters,
    gradients,
    feature0,
    feature1,
    hidden,
    delta,
    adds,
    ADDS: tl.constexpr,
    LAYERS: tl.constexpr,
    NUM_HIDDEN: tl.constexpr,
    PRODUCTS: tl.constexpr,
    SUMS: tl.constexpr,
):
    """Write the gradients of all parameters, or, where `adds`, add them to those of the tiles before.

    Args:
        delta: (rows, lanes), the loss's gradient by the network's output.
    """
    weights = _load_units(parameters, LAYERS[NUM_HIDDEN][4], LAYERS[NUM_HIDDEN][0], LAYERS[NUM_HIDDEN][2], 1)
    last = hidden[NUM_HIDDEN - 1]
    _put_units(gradients, LAYERS[NUM_HIDDEN][4], LAYERS[NUM_HIDDEN][0], LAYERS[NUM_HIDDEN][2], 1,
               _sum_samples(last * delta[:, None, :]), adds, ADDS)  # fmt: skip
    _put(gradients + LAYERS[NUM_HIDDEN][5], tl.sum(tl.sum(delta, axis=1), axis=0), None, adds, ADDS)
    deltas = tl.where(last <= 0.0, 0.0, weights[None, :, None] * delta[:, None, :])
    for layer in tl.static_range(NUM_HIDDEN - 1, 0, -1):
        sources = hidden[layer - 1]
        _put_units(gradients, LAYERS[layer][5], LAYERS[layer][1], LAYERS[layer][3], 1,
                   _sum_samples(deltas), adds, ADDS)  # fmt: skip
        _put_weights(gradients, sources, deltas, adds, ADDS, LAYERS, layer, SUMS)
        deltas = tl.where(sources <= 0.0, 0.0, _multiply_back(parameters, deltas, LAYERS, layer, PRODUCTS))
    SIZE: tl.constexpr = LAYERS[0][1]
    PADDED: tl.constexpr = LAYERS[0][3]
    _put_units(gradients, LAYERS[0][5], SIZE, PADDED, 1, _sum_samples(deltas), adds, ADDS)
    _put_units(gradients, LAYERS[0][4], SIZE, PADDED, 2, _sum_samples(deltas * feature0[:, None, :]), adds, ADDS)
    _put_units(gradients, LAYERS[0][4] + 1, SIZE, PADDED, 2, _sum_samples(deltas * feature1[:, None, :]), adds, ADDS)


@triton.jit
def _relu(units):
    """What is no number stays none, so that a training that has diverged is seen to have."""
    return tl.maximum(units, 0.0, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _sum_samples(units):
    """Sum over samples: (rows, units, lanes) -> (units,)."""
    return tl.sum(tl.sum(units, axis=0), axis=1)


@triton.jit
def _multiply(parameters, sources, LAYERS: tl.constexpr, INDEX: tl.constexpr, FORM: tl.constexpr):
    """Multiply a layer's sources by its weights: (rows, sources, lanes) -> (rows, units, lanes)."""
    if FORM == "sum":
        weights = _load_weights(parameters, LAYERS, INDEX, True)
        return tl.sum(weights[None, :, :, None] * sources[:, :, None, :], axis=1)
    else:
        weights = _load_weights(parameters, LAYERS, INDEX, False)
        product = tl.dot(weights, tl.reshape(sources, sources.shape[1:]), input_precision="ieee")
        return product[None, :, :]


@triton.jit
def _multiply_back(parameters, deltas, LAYERS: tl.constexpr, INDEX: tl.constexpr, FORM: tl.constexpr):
    """Multiply deltas of a layer's units by its weights: (rows, units, lanes) -> (rows, sources, lanes)."""
    if FORM == "sum":
        weights = _load_weights(parameters, LAYERS, INDEX, False)
        return tl.sum(weights[None, :, :, None] * deltas[:, :, None, :], axis=1)
    else:
        weights = _load_weights(parameters, LAYERS, INDEX, True)
        product = tl.dot(weights, tl.reshape(deltas, deltas.shape[1:]), input_precision="ieee")
        return product[None, :, :]


@triton.jit
def _put_weights(
    gradients, sources, deltas, adds, ADDS: tl.constexpr, LAYERS: tl.constexpr, INDEX: tl.constexpr, FORM: tl.constexpr
):
    """Put the gradients of a layer's weights."""
    if FORM == "sum":
        offsets, there = _find_weights(LAYERS, INDEX, True)
        products = sources[:, :, None, :] * deltas[:, None, :, :]
        sums = tl.sum(tl.sum(products, axis=0), axis=2)
    else:
        offsets, there = _find_weights(LAYERS, INDEX, False)
        left = tl.reshape(deltas, deltas.shape[1:])
        right = tl.trans(tl.reshape(sources, sources.shape[1:]))
        sums = tl.dot(left, right, input_precision="ieee")
    _put(gradients + offsets, sums, there, adds, ADDS)


@triton.jit
def _find_weights(LAYERS: tl.constexpr, INDEX: tl.constexpr, SOURCES_FIRST: tl.constexpr):
    """Say where a layer's weights lie, (units, sources) or (sources, units) of them, and which are no padding."""
    if SOURCES_FIRST:
        sources = tl.arange(0, LAYERS[INDEX][2])[:, None]
        units = tl.arange(0, LAYERS[INDEX][3])[None, :]
    else:
        sources = tl.arange(0, LAYERS[INDEX][2])[None, :]
        units = tl.arange(0, LAYERS[INDEX][3])[:, None]
    there = (units < LAYERS[INDEX][1]) & (sources < LAYERS[INDEX][0])
    return LAYERS[INDEX][4] + units * LAYERS[INDEX][0] + sources, there


@triton.jit
def _load_weights(parameters, LAYERS: tl.constexpr, INDEX: tl.constexpr, SOURCES_FIRST: tl.constexpr):
    offsets, there = _find_weights(LAYERS, INDEX, SOURCES_FIRST)
    return tl.load(parameters + offsets, mask=there, other=0.0)


@triton.jit
def _load_units(parameters, START: tl.constexpr, SIZE: tl.constexpr, PADDED: tl.constexpr, STRIDE: tl.constexpr):
    units = tl.arange(0, PADDED)
    return tl.load(parameters + START + STRIDE * units, mask=units < SIZE, other=0.0)


@triton.jit
def _put_units(
    gradients,
    START: tl.constexpr,
    SIZE: tl.constexpr,
    PADDED: tl.constexpr,
    STRIDE: tl.constexpr,
    values,
    adds,
    ADDS: tl.constexpr,
):
    units = tl.arange(0, PADDED)
    _put(gradients + START + STRIDE * units, values, units < SIZE, adds, ADDS)


@triton.jit
def _put(pointers, values, mask, adds, ADDS: tl.constexpr):
    """Store values, or what is there plus them."""
    if ADDS:
        if mask is None:
            values += tl.load(pointers, mask=adds, other=0.0)
        else:
            values += tl.load(pointers, mask=mask & adds, other=0.0)
    tl.store(pointers, values, mask=mask)
