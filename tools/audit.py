"""Asks for known vulnerabilities of what the lock files name, and says of how many packages it was told.

Usage: audit.py PIP_AUDIT LOCK…

pip-audit ends with 0 also where it could look up nothing, as without a network. So this ends with 0 only if
all packages were looked up and nothing is known of any, with 1 if something is, with 2 if of some there is
no answer.
"""

import json
import subprocess
import sys

FOUND, NO_DATA = 1, 2
_SHOWN = 5


def main(pip_audit: str, locks: list[str]) -> int:
    """Asks, tells, and returns the exit code."""
    command = [pip_audit, "--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off"]
    done = subprocess.run(
        [*command, *(part for lock in locks for part in ("-r", lock))], capture_output=True, text=True
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(done.stderr.strip()[-2000:], file=sys.stderr)
        print("no data: pip-audit could not ask for advisories; nothing is said of any package")
        return NO_DATA
    return told(packages)


def told(packages: list[dict]) -> int:
    """Tells what is known of packages.

    Args:
        packages: What pip-audit has of each: ``vulns``, or a ``skip_reason``.

    Returns:
        The exit code.
    """
    unknown = sorted(package["name"] for package in packages if "skip_reason" in package)
    known = {
        (package["name"], package["version"]): package["vulns"] for package in packages if "vulns" in package
    }
    vulnerable = {key: vulns for key, vulns in known.items() if vulns}
    for (name, version), vulns in sorted(vulnerable.items()):
        for vuln in vulns:
            fixed = ", ".join(vuln["fix_versions"]) or "no version"
            print(f"{name} {version}: {vuln['id']}, fixed in {fixed}")
    if not known:
        print(f"no data: of none of {len(unknown)} packages could advisories be looked up; nothing is said")
        return NO_DATA
    print(f"{len(known)} packages were looked up, {len(vulnerable)} of them have known vulnerabilities")
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        print(f"no data of {len(unknown)}: {', '.join(unknown[:_SHOWN])}{more}")
    return FOUND if vulnerable else NO_DATA if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
