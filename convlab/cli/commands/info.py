"""``convlab info``: the versions, the processor and the kernels of this machine."""

from __future__ import annotations

import platform

import click
import numpy as np

import convlab
from convlab.cli.machine import cpu_name
from convlab.cli.tables import console, table

__all__ = ["info"]


@click.command()
def info() -> None:
    """Show the versions, the processor, and the backend of each kernel."""
    kernels = convlab.backend()
    available = dict.fromkeys(name for kernel in kernels.values() for name in kernel["available"])
    isas = [name.partition("/")[2] for name in available if name.startswith("compiled/")]
    facts = {
        "convlab": convlab.__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "System": f"{platform.system()} {platform.machine()}",
        "CPU": cpu_name(),
        "ISAs": ", ".join(isas) or "no compiled kernels in this install",
        "Threads": str(convlab.get_num_threads()),
    }
    for name, value in facts.items():
        click.echo(f"{name + ':':<9} {value}")
    click.echo()
    rows = table("Kernels", "kernel", "backend", "ISA", "available")
    for name, kernel in kernels.items():
        rows.add_row(name, kernel["backend"], kernel["isa"] or "-", ", ".join(kernel["available"]))
    console().print(rows)
