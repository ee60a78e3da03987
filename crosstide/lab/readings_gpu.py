"""What NVIDIA's management library (NVML) says of the graphics processors, where there are any.

Nothing depends on it: without the package `pynvml`, a driver or a device there are just no such readings. The
machine's devices belong to the first node, for they exist once.
"""

from importlib import import_module
from typing import Any

from crosstide.lab.child import short


class GpuReader:
    """Readings of one device; `name` is `<node>:<number>`, as in the entity `gpu/n1:0`."""

    def __init__(self, nvml: Any, name: str, device: Any) -> None:
        self.name = name
        self._nvml, self._device = nvml, device

    def read(self) -> dict[str, float]:
        """Read; nothing where the device is lost."""
        try:
            busy = self._nvml.nvmlDeviceGetUtilizationRates(self._device).gpu
            memory = self._nvml.nvmlDeviceGetMemoryInfo(self._device)
        except self._nvml.NVMLError:
            return {}
        return {"gpu.utilization": short(busy / 100), "gpu.memory.utilization": short(memory.used / memory.total)}


def gpus(node: str) -> list[GpuReader]:
    """Find the devices of this machine, as those of a node."""
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        return []
    try:
        nvml.nvmlInit()
        devices = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return []
    return [GpuReader(nvml, f"{node}:{i}", device) for i, device in enumerate(devices)]
