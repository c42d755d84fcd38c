#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""install.py - an installed Pawl is usable from outside, and exports what its headers declare and nothing else.

usage: install.py BUILD_DIRECTORY SOURCE_ROOT

Installs the build into a folder; compiles, links and runs a program outside the tree through the installed pkg-config file,
in C and C++, with the shared and with the static library; builds another program with Pawl as a Meson subproject and looks
that nothing but the library is built there.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = r"""
#include <pawl.h>
#include <stdio.h>
int main(void)
{
  static struct pawl_queue q;
  uint64_t item = 0;
  if (pawl_queue_put(&q, 42, PAWL_NOWAIT) != 0 || pawl_queue_get(&q, &item, PAWL_NOWAIT) != 0)
    return 1;
  printf("%s %d\n", pawl_version(), (int)item);
  return pawl_queue_fini(&q);
}
"""
MESON = """project('outside', 'c')
pawl = dependency('pawl', fallback: ['pawl', 'pawl_dep'], default_options: ['default_library=both'])
executable('outside', 'program.c', dependencies: pawl)
"""

passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'PASS' if good else 'FAIL'} {what}{'' if good else ': ' + str(detail)}")
    return good


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    return result.returncode, (result.stdout + result.stderr).strip()


def declared(include):
    """Functions that the public headers of the library declare with PAWL_API; check.h belongs to pawl-check."""
    text = "".join(p.read_text() for p in sorted(include.rglob("*.h")) if p.name != "check.h")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^PAWL_API[^;{]*?\b(pawl_\w+)\s*\(", text, re.M))


def check_library(library, include):
    _, symbols = run("nm", "-D", "--defined-only", "--format=posix", library)
    exported = {line.split()[0].split("@")[0] for line in symbols.splitlines() if line.split()[1] != "A"}
    expected = declared(include)
    check("exports exactly what the headers declare", exported == expected and expected,
          f"not declared: {sorted(exported - expected)}; not exported: {sorted(expected - exported)}")
    _, dynamic = run("readelf", "-dW", library)
    check("soname is libpawl.so.0", "[libpawl.so.0]" in dynamic, dynamic)
    check("is linked with -z nodelete", "NODELETE" in dynamic, dynamic)
    check("needs the C library only", set(re.findall(r"NEEDED.*\[(\S+)\]", dynamic)) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, dynamic)


def check_program(name, command, program, expected, **options):
    """Compiles PROGRAM into `program` and runs it."""
    code, text = run(*command, "-o", program)
    if check(f"{name}: compiles and links", code == 0, text):
        code, text = run(program, **options)
        check(f"{name}: runs", code == 0 and text == expected, f"exit {code}: {text}, expected {expected}")


def check_pkg_config(stage, folder):
    pc = next(stage.rglob("pawl.pc"), None)
    if not check("installs pawl.pc", pc):
        return
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(stage)}
    _, version = run("pkg-config", "--modversion", "pawl", env=environment)
    library = next(stage.rglob("libpawl.so"))
    check_library(library.resolve(), next(stage.rglob("pawl.h")).parent)
    _, shared = run("pkg-config", "--cflags", "--libs", "pawl", env=environment)
    _, static = run("pkg-config", "--static", "--cflags", "--libs", "pawl", env=environment)
    source = folder / "program.c"
    source.write_text(PROGRAM)
    at_run = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    expected = f"{version} 42"
    check_program("C, shared", ["cc", source, *shared.split()], folder / "shared", expected, env=at_run)
    check_program("C, static", ["cc", "-static", source, *static.split()], folder / "static", expected)
    _, needed = run("ldd", folder / "shared")
    check("the shared program uses libpawl.so.0", "libpawl.so.0" in needed, needed)
    if shutil.which("c++"):
        check_program("C++, shared", ["c++", "-x", "c++", source, *shared.split()], folder / "cpp", expected, env=at_run)


def check_subproject(root, folder):
    project = folder / "outside"
    (project / "subprojects").mkdir(parents=True)
    (project / "subprojects" / "pawl").symlink_to(root)
    (project / "meson.build").write_text(MESON)
    (project / "program.c").write_text(PROGRAM)
    build = folder / "outside-build"
    code, text = run("meson", "setup", "--wrap-mode=forcefallback", build, project)
    if not check("subproject: configures", code == 0, text):
        return
    _, targets = run("meson", "introspect", "--targets", build)
    names = sorted({target["name"] for target in json.loads(targets)})
    check("subproject: builds nothing but the library", names == ["outside", "pawl"], names)
    code, text = run("meson", "compile", "-C", build)
    if check("subproject: compiles", code == 0, text):
        code, text = run(build / "outside")
        check("subproject: runs", code == 0 and text.endswith(" 42"), text)


def main():
    build, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        stage = folder / "stage"
        code, text = run("meson", "install", "--no-rebuild", "-C", build, "--destdir", stage)
        if check("meson install", code == 0, text):
            check_pkg_config(stage, folder)
        check_subproject(root, folder)
    print(f"{passed} passed, {failed} failed: installation")
    return failed != 0


sys.exit(main())
