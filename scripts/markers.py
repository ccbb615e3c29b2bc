"""Environment markers for another machine.

A universal lock says `colorama==0.4.6 ; sys_platform == 'win32'`. pip reads such markers for the
interpreter that runs it, whatever `--platform` says, so they are decided here for the target.
"""

import re


def for_target(lock: str, *, python: str, machine: str) -> str:
    """The lock with only the pins that hold on Linux with that Python, and no markers."""
    # pip carries the reference implementation; a build needs pip anyway.
    from pip._vendor.packaging.markers import Marker

    environment = {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    kept = []
    # A pin is a line that begins with a name, and the indented lines after it.
    for pin in re.split(r"\n(?=[A-Za-z0-9])", lock):
        requirement, found, rest = pin.partition(" ; ")
        if not found:
            kept.append(pin)
            continue
        marker, _, hashes = rest.partition("\\\n")
        if Marker(marker.strip()).evaluate(environment):
            kept.append(f"{requirement} \\\n{hashes}")
    return "\n".join(kept)
