"""One library's side of the benchmark of networks: measures when it is told to.

Runs by its path in an environment that has the library, and nothing of ours: only the standard
library and what the library brings are imported. It reads one JSON object a line and answers each
with one:

- `{"do": "build", "kind": "recurrent", "neurons": 63, "batch": 32, "steps": 100}` makes a layer of
  spiking neurons, its input and its functions, calls each once, and says how long that took
- `{"do": "run", "what": "forward", "seconds": 0.3}` calls one for so long and says how long the
  shortest call took, and the one in the middle
- `{"do": "housekeeping", "modules": 20, "seconds": 0.3}`: the same for taking a network apart
"""

import json
import random
import statistics
import sys
import time
from array import array
from importlib import import_module
from importlib.metadata import version

_SPIKE_RATE, _INPUT_WEIGHT = 0.1, 0.2
# Standard deviation of recurrent weights, times the root of the number of neurons.
_GAIN = 0.1
_DECAY = 0.951229424500714  # exp(-1 ms / 20 ms)
_TARGET = 0.1


class Xylograph:
    """A layer of `LIFJax`, batch first, gradients by all of its parameters."""

    packages = ("xylograph", "jax")
    modules = combinators = "xylograph.models"

    def layer(self, kind, n, raster, weights, shape):
        import jax
        import jax.numpy as jnp

        data = jnp.asarray(_nested(raster, shape))
        given = {}
        if kind == "recurrent":
            given = {"has_rec": True, "w_rec": jnp.asarray(_nested(weights, (n, n)))}
        net = import_module(self.modules).LIFJax(n, **given)
        parameters = net.parameters()

        def loss(parameters, net, data):
            output, _, _ = net.set_attributes(parameters)(data)
            return jnp.mean((output - _TARGET) ** 2)

        forward = jax.jit(lambda net, data: net(data)[0])
        gradient = jax.jit(jax.value_and_grad(loss))
        functions = {
            "forward": lambda: jax.block_until_ready(forward(net, data)),
            "gradient": lambda: jax.block_until_ready(gradient(parameters, net, data)),
        }
        return functions, lambda: {
            "spikes": float(forward(net, data).sum()),
            "gradient": _norm(jax.tree.leaves(gradient(parameters, net, data)[1])),
        }

    def housekeeping(self, n_modules):
        import jax

        modules = import_module(self.modules)
        pairs = [(modules.LinearJax((63, 63)), modules.LIFJax(63)) for _ in range(n_modules // 2)]
        chain = import_module(self.combinators).Sequential
        net = chain(*(module for pair in pairs for module in pair))
        parameters = net.parameters()

        def flatten():
            leaves, structure = jax.tree_util.tree_flatten(net)
            jax.tree_util.tree_unflatten(structure, leaves)

        return {
            "set_attributes": lambda: net.set_attributes(parameters),
            "flatten_unflatten": flatten,
        }


class Rockpool(Xylograph):
    """The same through the same names."""

    packages = ("rockpool", "jax")
    modules, combinators = "rockpool.nn.modules", "rockpool.nn.combinators"


class Spyx:
    """`CuBaLIF` or `RCuBaLIF`, time first as Spyx has it, gradients by all of its parameters."""

    packages = ("spyx", "jax")

    def layer(self, kind, n, raster, weights, shape):
        import jax
        import jax.numpy as jnp

        nn, nnx = import_module("spyx.nn"), import_module("flax.nnx")
        data = jnp.swapaxes(jnp.asarray(_nested(raster, shape)), 0, 1).copy()
        make = nn.RCuBaLIF if kind == "recurrent" else nn.CuBaLIF
        net = make((n,), rngs=nnx.Rngs(0))
        net.alpha[...] = jnp.full(n, _DECAY)
        net.beta[...] = jnp.full(n, _DECAY)
        if kind == "recurrent":
            net.recurrent_w[...] = jnp.asarray(_nested(weights, (n, n)))
        graph, parameters = nnx.split(net)

        def output(parameters, data):
            return nn.run(nnx.merge(graph, parameters), data)[0]

        forward = jax.jit(output)
        gradient = jax.jit(
            jax.value_and_grad(lambda p, data: jnp.mean((output(p, data) - _TARGET) ** 2))
        )
        functions = {
            "forward": lambda: jax.block_until_ready(forward(parameters, data)),
            "gradient": lambda: jax.block_until_ready(gradient(parameters, data)),
        }
        return functions, lambda: {"spikes": float(forward(parameters, data).sum())}


class Products:
    """Only the matrix products that a recurrent layer cannot do without, one after the other.

    `forward`: in each step those of spikes and recurrent weights. `gradient`: also in each step
    those of the way back, with the transposed weights, and one product for all steps that gives
    the gradient of the weights.
    """

    packages = ("jax",)

    def layer(self, kind, n, raster, weights, shape):
        import jax
        import jax.numpy as jnp

        if kind != "recurrent":
            raise ValueError("a layer without recurrence has no products")
        batch, steps, _ = shape
        data = jnp.asarray(_nested(raster, shape))
        first, rows = data[:, 0], data.reshape((batch * steps, n))
        # Of a size that neither vanishes nor explodes when it is multiplied again and again.
        matrix = jnp.asarray(_nested(weights, (n, n))) / _GAIN
        transposed = jnp.array(matrix.T)

        @jax.jit
        def repeated(first, matrix):
            return jax.lax.fori_loop(0, steps, lambda _, spikes: spikes @ matrix, first)

        by_weights = jax.jit(lambda rows: rows.T @ rows)

        def gradient():
            jax.block_until_ready(repeated(first, matrix))
            jax.block_until_ready(repeated(first, transposed))
            jax.block_until_ready(by_weights(rows))

        functions = {
            "forward": lambda: jax.block_until_ready(repeated(first, matrix)),
            "gradient": gradient,
        }
        return functions, dict


class SnnTorch:
    """`Synaptic` or `RSynaptic` on the processor, time first, gradients by all parameters."""

    packages = ("snntorch", "torch")

    def layer(self, kind, n, raster, weights, shape):
        snntorch, torch = import_module("snntorch"), import_module("torch")
        data = torch.frombuffer(raster, dtype=torch.float32).reshape(shape)
        data = data.transpose(0, 1).contiguous()
        # Tensors apart: a parameter that two of them share would be learnt for both.
        learnt = [torch.full((n,), _DECAY) for _ in range(2)]
        options = {"learn_alpha": True, "learn_beta": True, "learn_threshold": True}
        options["threshold"] = torch.ones(n)
        recurrent = kind == "recurrent"
        if recurrent:
            net = snntorch.RSynaptic(*learnt, linear_features=n, **options)
            with torch.no_grad():
                matrix = torch.frombuffer(weights, dtype=torch.float32).reshape(n, n)
                net.recurrent.weight.copy_(matrix.T)
        else:
            net = snntorch.Synaptic(*learnt, **options)

        def output():
            state = [torch.zeros(shape[0], n) for _ in range(3 if recurrent else 2)]
            seen = []
            for step in data:
                spikes, *state = net(step, *state)
                seen.append(spikes)
                if recurrent:
                    state = [spikes, *state]
            return torch.stack(seen)

        def forward():
            with torch.no_grad():
                return output()

        def gradient():
            net.zero_grad()
            ((output() - _TARGET) ** 2).mean().backward()

        return {"forward": forward, "gradient": gradient}, lambda: {
            "spikes": float(forward().sum())
        }


LIBRARIES = {
    "xylograph": Xylograph,
    "rockpool": Rockpool,
    "spyx": Spyx,
    "products": Products,
    "snntorch": SnnTorch,
}


def _nested(values, shape):
    """A buffer as what any library makes an array of, without NumPy where there is none."""
    import numpy as np

    return np.frombuffer(values, dtype=np.float32).reshape(shape)


def _norm(leaves):
    return float(sum(float((leaf**2).sum()) for leaf in leaves)) ** 0.5


def _raster(n, batch, steps):
    draw = random.Random(n).random
    values = (_INPUT_WEIGHT if draw() < _SPIKE_RATE else 0.0 for _ in range(batch * steps * n))
    return array("f", values)


def _weights(n):
    draw = random.Random(n + 1).gauss
    return array("f", (draw(0.0, _GAIN / n**0.5) for _ in range(n * n)))


def _timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _shortest_and_median(function, seconds):
    """Of as many calls as fit in so much time, of one at least."""
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        times.append(_timed(function))
    return min(times), statistics.median(times)


class Worker:
    """Answers what it is told."""

    def __init__(self, library):
        self.library = LIBRARIES[library]()
        self.functions = {}

    def about(self):
        """Which versions are measured."""
        return {package: version(package) for package in self.library.packages}

    def build(self, kind, neurons, batch, steps):
        """Make a layer; how long each function took when it was called first."""
        shape = (batch, steps, neurons)
        raster, weights = _raster(neurons, batch, steps), _weights(neurons)
        self.functions, check = self.library.layer(kind, neurons, raster, weights, shape)
        first = {what: _timed(function) for what, function in self.functions.items()}
        return {"first": first, "check": check()}

    def run(self, what, seconds):
        """The shortest time of a call and the median [s]."""
        return _shortest_and_median(self.functions[what], seconds)

    def housekeeping(self, modules):
        """Make functions that take a network apart; nothing is measured yet."""
        self.functions = self.library.housekeeping(modules)
        for function in self.functions.values():
            function()


def main():
    """Answer line by line until the input ends."""
    # Libraries print what they like; the answers go where only we write.
    answers = sys.stdout
    sys.stdout = sys.stderr
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
