"""Compares the speed of the exported graphs with that of other possible forms, and with PyTorch.

    cargo run --release -p lb-export --example export MODEL     # writes MODEL/<component>/model.onnx
    pip install onnx onnxruntime torch diffusers
    OMP_WAIT_POLICY=PASSIVE python compare_graphs.py MODEL [--threads 1] [--rounds 30] [--side 16]

Each form is the exported graph with some nodes replaced. All forms take turns in one process, and
each is timed immediately before or after the exported form, so that other load on the machine affects
both. The result is the ratio of such a pair: the median over the rounds, and the tenth and ninetieth
percentiles. The environment variable keeps PyTorch's threads from spinning while graphs are timed.
`docs/benchmarks.md` has the results.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

MICROSOFT = "com.microsoft"


class Rewriter:
    """A graph whose nodes can be replaced one by one."""

    def __init__(self, path, opset=20):
        self.model = onnx.load(path, load_external_data=False)
        self.model.ir_version = 11 if opset > 21 else 10
        self.model.opset_import[0].version = opset
        self.constants = {}
        self.count = 0

    def constant(self, values, dtype):
        key = (tuple(values), dtype)
        if key not in self.constants:
            name = f"constant_{len(self.constants)}"
            self.constants[key] = name
            array = np.array(values, dtype)
            self.model.graph.initializer.append(numpy_helper.from_array(array, name))
        return self.constants[key]

    def node(self, operator, inputs, output=None, domain="", **attributes):
        self.count += 1
        output = output or f"rewritten_{self.count}"
        self.nodes.append(
            helper.make_node(operator, inputs, [output], domain=domain, **attributes)
        )
        return output

    def replace(self, rule):
        """Calls `rule(node)` for each node. It either adds other nodes and returns True, or returns False to
        keep the node."""
        old = list(self.model.graph.node)
        self.by_output = {node.output[0]: node for node in old}
        self.nodes = []
        for node in old:
            if not rule(node):
                self.nodes.append(node)
        del self.model.graph.node[:]
        self.model.graph.node.extend(self.nodes)
        return self


def attribute(node, name, default=None):
    for candidate in node.attribute:
        if candidate.name == name:
            return helper.get_attribute_value(candidate)
    return default


def group_norm(rewriter, form):
    """Makes a rule that replaces a group norm's last node, the Add of the shift. ONNX Runtime drops the nodes
    that are then unused."""

    def rule(add):
        scaled = rewriter.by_output.get(add.input[0])
        if add.op_type != "Add" or scaled is None or scaled.op_type != "Mul":
            return False
        back = rewriter.by_output.get(scaled.input[0])
        norm = back is not None and rewriter.by_output.get(back.input[0])
        if not norm or norm.op_type != "InstanceNormalization":
            return False
        grouped = rewriter.by_output[norm.input[0]]
        groups = int(norm.input[1].split("(")[1].rstrip(")"))
        epsilon = attribute(norm, "epsilon")
        scale, shift = (
            rewriter.by_output[name].input[0] for name in (scaled.input[1], add.input[1])
        )
        form(rewriter, grouped.input[0], scale, shift, groups, epsilon, add.output[0])
        return True

    return rule


def standard_operator(rewriter, x, scale, shift, groups, epsilon, output):
    inputs = [x, scale, shift]
    node = rewriter.node
    node("GroupNormalization", inputs, output, num_groups=groups, epsilon=epsilon)


def one_scale_and_shift(rewriter, x, scale, shift, groups, epsilon, output):
    """Computes mean and variance by reductions, and then x·a + b with a and b for each channel."""
    node, integers = rewriter.node, lambda *values: rewriter.constant(values, np.int64)
    grouped = node("Reshape", [x, integers(0, groups, -1)])
    mean = node("ReduceMean", [grouped, integers(2)])
    squares = node("ReduceSumSquare", [grouped, integers(2)])
    count = node("Cast", [node("Shape", [grouped], start=2)], to=onnx.TensorProto.FLOAT)
    variance = node("Sub", [node("Div", [squares, count]), node("Mul", [mean, mean])])
    epsilon = rewriter.constant([epsilon], np.float32)
    deviation = node("Sqrt", [node("Add", [variance, epsilon])])
    per_group = integers(1, groups, -1)
    a = node("Div", [node("Reshape", [scale, per_group]), deviation])
    b = node("Sub", [node("Reshape", [shift, per_group]), node("Mul", [a, mean])])
    channels = node("Concat", [integers(-1), node("Shape", [scale]), integers(1, 1)], axis=0)
    a, b = (node("Reshape", [value, channels]) for value in (a, b))
    node("Add", [node("Mul", [x, a]), b], output)


def sigmoid_and_product(rewriter):
    def rule(node):
        if node.op_type != "QuickGelu" or attribute(node, "alpha") != 1.0:
            return False
        gate = rewriter.node("Sigmoid", node.input)
        rewriter.node("Mul", [node.input[0], gate], node.output[0])
        return True

    return rule


def standard_attention(rewriter):
    def rule(node):
        if node.op_type != "MultiHeadAttention":
            return False
        heads = attribute(node, "num_heads")
        rewriter.node(
            "Attention", node.input, node.output[0], q_num_heads=heads, kv_num_heads=heads
        )
        return True

    return rule


def decomposed_attention(rewriter):
    """Makes a rule that replaces attention by matrix products and a softmax."""

    def rule(node):
        if node.op_type != "MultiHeadAttention":
            return False
        heads = attribute(node, "num_heads")
        add, integers = rewriter.node, lambda *values: rewriter.constant(values, np.int64)

        def split(x, order):
            return add("Transpose", [add("Reshape", [x, integers(0, 0, heads, -1)])], perm=order)

        query, value = (split(node.input[index], [0, 2, 1, 3]) for index in (0, 2))
        key = split(node.input[1], [0, 2, 3, 1])
        size = add("Cast", [add("Shape", [query], start=3)], to=onnx.TensorProto.FLOAT)
        query = add("Div", [query, add("Sqrt", [size])])
        weights = add("Softmax", [add("MatMul", [query, key])], axis=-1)
        mixed = add("Transpose", [add("MatMul", [weights, value])], perm=[0, 2, 1, 3])
        add("Reshape", [mixed, integers(0, 0, -1)], node.output[0])
        return True

    return rule


def gemm(rewriter):
    """Makes a rule that replaces MatMul by a transposed constant by Gemm over flattened tokens, which takes
    the weights as they are stored."""

    def rule(node):
        transposed = len(node.input) > 1 and rewriter.by_output.get(node.input[1])
        if node.op_type != "MatMul" or not transposed or transposed.op_type != "Transpose":
            return False
        x, weight = node.input[0], transposed.input[0]
        integers = lambda *values: rewriter.constant(values, np.int64)
        add = rewriter.node
        width = add("Shape", [weight], start=1)
        flat = add("Reshape", [x, add("Concat", [integers(-1), width], axis=0)])
        product = add("Gemm", [flat, weight], transB=1)
        shape = add("Concat", [add("Shape", [x], end=-1), integers(-1)], axis=0)
        add("Reshape", [product, shape], node.output[0])
        return True

    return rule


def forms(path):
    """Maps the name of each form to (model bytes, optimisation level, whether waiting threads spin)."""
    best = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    rewritten = {"as written": Rewriter(path), "as written, opset 23": Rewriter(path, 23)}
    for name, form, opset in [
        ("GroupNormalization (opset 21)", standard_operator, 21),
        ("group norm as one scale and shift", one_scale_and_shift, 20),
    ]:
        rewriter = Rewriter(path, opset)
        rewritten[name] = rewriter.replace(group_norm(rewriter, form))
    for name, rule, opset in [
        ("SiLU as Sigmoid and Mul", sigmoid_and_product, 20),
        ("Attention (opset 23)", standard_attention, 23),
        ("attention in products and a softmax", decomposed_attention, 20),
        ("linear layers as Gemm", gemm, 20),
    ]:
        rewriter = Rewriter(path, opset)
        rewritten[name] = rewriter.replace(rule(rewriter))
    result = {name: (form.model.SerializeToString(), best, True) for name, form in rewritten.items()}
    extended = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    result["convolutions without blocked layout"] = (result["as written"][0], extended, True)
    result["threads that sleep while they wait"] = (result["as written"][0], best, False)
    return result


def session(model, level, spinning, folder, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    options.log_severity_level = 3
    # The graph comes from memory, so ONNX Runtime has to be given the folder of the external data.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(folder)
    )
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    # If threads went on spinning after a run, they would slow down the next run.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def torch_reference(model, component, inputs):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    torch.set_grad_enabled(False)
    values = {name: torch.from_numpy(value) for name, value in inputs.items()}
    if component == "unet":
        network = UNet2DConditionModel.from_pretrained(model / "unet").float().eval()
        arguments = values["sample"], values["timestep"], values["encoder_hidden_states"]
        return lambda: network(*arguments).sample.numpy()
    network = AutoencoderKL.from_pretrained(model / "vae").float().eval()
    return lambda: network.decode(values["latent_sample"]).sample.numpy()


def measure(model, component, rows, arguments):
    folder = model / component
    generator = np.random.default_rng(0)
    inputs = {}
    runs = {}
    for name, (graph, level, spinning) in forms(folder / "model.onnx").items():
        runtime = session(graph, level, spinning, folder, arguments.threads)
        if not inputs:
            sizes = dict.fromkeys(["height", "width", "height_latent", "width_latent"], arguments.side)
            sizes |= {"batch_size": rows, "sequence_length": 77, "steps": 1}
            for value in runtime.get_inputs():
                shape = [sizes.get(side, side) for side in value.shape]
                inputs[value.name] = generator.standard_normal(shape, dtype=np.float32)
            if "timestep" in inputs:
                inputs["timestep"] = np.array([501])
        runs[name] = lambda runtime=runtime: runtime.run(None, inputs)[0]
    runs["PyTorch"] = torch_reference(model, component, inputs)

    expected = runs["PyTorch"]()
    for name, run in runs.items():
        error = np.abs(run() - expected).max() / np.abs(expected).max()
        assert error < 1e-4, f"{name} differs by {error}"
    ratios, seconds = ({name: [] for name in runs} for _ in range(2))
    for turn in range(arguments.rounds):
        for name in runs:
            pair = {}
            for timed in ["as written", name] if turn % 2 else [name, "as written"]:
                start = time.perf_counter()
                runs[timed]()
                pair[timed] = time.perf_counter() - start
            ratios[name].append(pair[name] / pair["as written"])
            seconds[name].append(pair[name])
    side = f"{arguments.side}×{arguments.side}"
    print(f"\n{component}, {rows} rows of {side}, {arguments.threads} threads:", flush=True)
    for name in runs:
        low, ratio, high = np.percentile(ratios[name], [10, 50, 90])
        least = min(seconds[name]) * 1e3 / rows
        print(
            f"  {name:40} {ratio:5.2f}× ({low:.2f} to {high:.2f})   minimum {least:8.2f} ms per row",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--side", type=int, default=16, help="height and width of the latents")
    parser.add_argument("--only", choices=["unet", "vae_decoder"])
    parser.add_argument("--rows", type=int)
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    for component, rows in [("unet", 2), ("unet", 8), ("vae_decoder", 1)]:
        if arguments.only in (None, component) and arguments.rows in (None, rows):
            measure(arguments.model, component, rows, arguments)
