"""Run by test_cuda_kernels in a process of its own: Triton reads TRITON_INTERPRET when it is imported."""

import torch

import archlab.roi.ops  # noqa: F401 - registers the operators compared with
from archlab.roi import cuda_kernels, matrix_products
from archlab.roi.geometry import checked_geometry
from tests.roi.oracles import by_reference


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(2, 5, n, n + 2, generator=generator) for n in (6, 4)]
    boxes = torch.tensor(
        [
            [0, 1.2, 0.7, 9.1, 8.3],
            [1, -3.0, -2.0, 30.0, 25.0],
            [1, 2.0, 3.5, 5.0, 6.0],
            [0, float("nan"), 0, 4, 4],
            [2, 1, 1, 4, 4],
            [0, 2, 2, 9, 9],
        ]
    )
    levels = torch.tensor([0, 0, 1, 0, 0, 5])
    for sampling, aligned, bins in ((2, True, (2, 3)), (-1, False, (2, 2))):
        g = checked_geometry([(0.5, 0.45), 0.25], bins, sampling, aligned, "avg")
        numbers = g.arguments
        for dtype in (torch.float32, torch.bfloat16):
            typed = [x.to(dtype) for x in maps]
            got = cuda_kernels.launch_align(typed, boxes, levels, g)
            want = torch.ops.archlab.roi_align(typed, boxes, levels, None, None, *numbers)
            tolerance = 1e-6 if dtype == torch.float32 else 1e-2
            torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)
            assert got[3:].abs().sum() == 0
        grad = torch.randn(6, 5, *bins, generator=generator)
        sizes = [(2, 6, 8), (2, 4, 6)]
        got = cuda_kernels.launch_transposed(grad, boxes, levels, sizes, False, g)
        want = matrix_products.align_transposed(grad, boxes, levels, None, sizes, False, g)
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)
    one = checked_geometry([0.5], (2, 2), 2, True, "avg")
    wide = maps[0].double().contiguous(memory_format=torch.channels_last)
    got = cuda_kernels.launch_align([wide], boxes[:2].double(), None, one)
    want = torch.ops.archlab.roi_align([wide], boxes[:2].double(), None, None, None, *one.arguments)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)
    huge = torch.tensor([[0, -5e4, -3e4, 5e4, 3e4], [1, 1.0, 2.0, 9e4, 5.0]])
    adaptive = checked_geometry([0.5], (2, 2), 0, True, "avg")
    got = cuda_kernels.launch_align(maps[1:], huge, None, adaptive)
    want = torch.ops.archlab.roi_align(maps[1:], huge, None, None, None, *adaptive.arguments)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-9)
    assert want.abs().sum() > 0
    whole = torch.tensor([[0, 0.0, 0, side, side] for side in (21, 42, 49)])
    for bins in (7, 14):
        adaptive = checked_geometry([1.0], (bins, bins), 0, True, "avg")
        ramp = torch.arange(50.0 * 50).view(1, 1, 50, 50)
        got = cuda_kernels.launch_align([ramp], whole, None, adaptive)
        rows = [by_reference(ramp.double(), whole[k : k + 1].double(), (bins, bins), aligned=True) for k in range(3)]
        torch.testing.assert_close(got.double(), torch.cat(rows), rtol=1e-5, atol=1e-3)
    print("equal")


if __name__ == "__main__":
    main()
