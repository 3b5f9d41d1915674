"""Run the notebook from top to bottom and store it with its outputs: ``python notebooks/store.py``.

The stored file contains nothing about the machine, except the times that a cell prints. Its figures are reduced to 128
colours, which is enough because they are mostly grey.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from PIL import Image

import convlab

NOTEBOOK = Path(__file__).with_name("convolutions.ipynb")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Execute the cells in a folder, in a kernel of this interpreter that imports this convlab."""
    home = {name: str(folder) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR")}  # not the user's own settings
    sources = [str(Path(convlab.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | home | {"PYTHONPATH": os.pathsep.join(sources)}
    # Without folders to search, the kernel "python3" is this interpreter, not another installed kernel of that name.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=120,
        raise_on_iopub_timeout=True,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    # ZeroMQ needs a selector loop on every system.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(client.async_execute(env=environment, cleanup_kc=True))


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Remove the kernel's metadata and make the figures small."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in cell.metadata if key == "tags"})
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata = nbformat.from_dict({})
                output.data["image/png"] = _small(output.data["image/png"])


def _small(figure: str) -> str:
    with Image.open(io.BytesIO(base64.b64decode(figure))) as image:
        if image.mode == "P":
            return figure
        # Maximum coverage preserves the few colours; two rounds of k-means then choose the greys.
        small = image.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    file = io.BytesIO()
    small.save(file, format="png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        run(notebook, Path(folder))
    tidy(notebook)
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
