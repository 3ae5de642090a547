"""Stand-ins for fly, heroku, kamal, kubectl, docker, ansible, cap and ssh, in one file.

Runs as ``python stand_in.py STATE TOOL WORDS...``. Each knows exactly the words that the how-to
uses, prints in the shape of the tool's documentation, and ends with 64 on any other word.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

STATE = Path(sys.argv[1])
HEX = "[0-9a-f]{40}"


class World(dict):  # type: ignore[type-arg]
    """What a tool remembers between calls."""

    @classmethod
    def load(cls) -> World:
        return cls(json.loads(STATE.read_text()) if STATE.exists() else {"releases": [], "at": 0})

    def save(self) -> None:
        STATE.write_text(json.dumps(self))

    def release(self, **facts: Any) -> None:
        self["at"] += 1
        created = f"2026-01-02T03:04:{self['at']:02}Z"
        self["releases"].append({"number": self["at"], "created": created, **facts})
        self.save()


def no(*said: str) -> int:
    print(*said, file=sys.stderr)
    return 64


def matches(pattern: str, words: list[str]) -> re.Match[str] | None:
    return re.fullmatch(pattern, " ".join(words))


def brings_files() -> str:
    """Say that the deploy stands in a folder with the commit's files, which ``app.py`` shows."""
    return Path("app.py").read_text()


def fly(words: list[str], world: World) -> int:
    if os.environ.get("FLY_API_TOKEN") != "fly-token":
        return no("Error: no access token available. Please login with 'flyctl auth login'")
    new = matches(f"deploy --app shop --image-label ({HEX}) --remote-only --yes", words)
    old = matches(f"deploy --app shop --image registry.fly.io/shop:({HEX}) --yes", words)
    if new or old:
        label = (new or old)[1]  # type: ignore[index]
        files = brings_files() if new else next(r for r in world["releases"] if r["label"] == label)
        world.release(label=label, files=files, status="complete")
        print(
            "==> Building image\n==> Updating existing machines\n ✔ Machine 148e is now in a good state"
        )
        return 0
    if matches("releases --app shop --image --json", words):
        print(json.dumps([_fly(r) for r in reversed(world["releases"])], indent=4))
        return 0
    if matches("(logs --app shop --no-tail|status --app shop)", words):
        print("ok")
        return 0
    return no("Error: unknown flag")


def _fly(release: dict[str, Any]) -> dict[str, Any]:
    return {
        "ID": f"rel_{release['number']}",
        "Version": release["number"],
        "Stable": release["status"] == "complete",
        "InProgress": False,
        "Reason": "",
        "Description": "Release",
        "Status": release["status"],
        "DeploymentStrategy": "",
        "User": {"Name": "Ada", "Email": "ada@example.com"},
        "CreatedAt": release["created"],
        "ImageRef": f"registry.fly.io/shop:{release['label']}",
    }


def heroku(words: list[str], world: World) -> int:
    if os.environ.get("HEROKU_API_KEY") != "heroku-key":
        return no(" ›   Error: Invalid credentials provided.")
    if pushed := matches(f"stand-in-push ({HEX})", words):  # by the remote's hook
        world.release(description=f"Deploy {pushed[1][:8]}", status="succeeded")
        return 0
    if matches("releases --app shop --num 50 --json", words):
        print(json.dumps([_heroku(r, world) for r in reversed(world["releases"])], indent=2))
        return 0
    if back := matches(r"rollback v(\d+) --app shop", words):
        world.release(description=f"Rollback to v{back[1]}", status="succeeded")
        print(f"Rolling back shop to v{back[1]}... done, v{world['at']}")
        return 0
    if matches("(logs --app shop --num 200|ps --app shop)", words):
        print("ok")
        return 0
    return no(" ›   Error: Unexpected argument")


def _heroku(release: dict[str, Any], world: World) -> dict[str, Any]:
    return {
        "addon_plan_names": [],
        "app": {"id": "01234567-89ab-cdef-0123-456789abcdef", "name": "shop"},
        "created_at": release["created"],
        "description": release["description"],
        "status": release["status"],
        "id": f"0123-{release['number']}",
        "slug": {"id": "89ab"},
        "updated_at": release["created"],
        "user": {"email": "ada@example.com", "id": "cdef"},
        "version": release["number"],
        "current": release is world["releases"][-1],
        "output_stream_url": None,
    }


def kamal(words: list[str], world: World) -> int:
    if os.environ.get("KAMAL_REGISTRY_PASSWORD") != "kamal-password":
        return no("ERROR (KeyError): key not found: KAMAL_REGISTRY_PASSWORD")
    if new := matches(f"deploy --version ({HEX})", words):
        if world.get("locked"):
            return no("ERROR (Kamal::Cli::LockError): Deploy lock found.")
        world.release(version=new[1], files=brings_files())
        world["live"] = new[1]
        world.save()
        print("  INFO [9dcdfdb6] Finished in 1.311 seconds with exit status 0 (successful).")
        return 0
    if back := matches("rollback (.*)", words):
        if back[1] in [r["version"] for r in world["releases"]]:
            world["live"] = back[1]
            world.save()
        else:  # and ends with 0, as the real one does
            print(f"The app version '{back[1]}' is not available as a container")
        return 0
    if matches("lock release", words):
        world["locked"] = False
        world.save()
        return 0
    return _kamal_looks(words, world)


def _kamal_looks(words: list[str], world: World) -> int:
    if matches("app version --quiet", words):
        for host in ("192.168.0.1", "192.168.0.2"):
            print(
                f"App Host: {host}\n{world.get('half', world['live']) if host[-1] == '2' else world['live']}\n"
            )
        return 0
    if matches("app containers --quiet", words):
        for host in ("192.168.0.1", "192.168.0.2"):
            print(
                f"App Host: {host}\nCONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES"
            )
            for r in reversed(world["releases"]):
                print(
                    f'be2b   reg/shop:{r["version"]}   "bin/start"   1 hour ago   Up   80/tcp   shop-web-{r["version"]}'
                )
            print()
        return 0
    if matches("(app logs --lines 200|app details)", words):
        print("ok")
        return 0
    return no("ERROR: called with arguments")


def docker(words: list[str], world: World) -> int:
    if matches(f"build --tag registry.example.com/shop:({HEX}) .", words):
        brings_files()
        return 0
    return 0 if matches(f"push registry.example.com/shop:({HEX})", words) else no("unknown flag")


def kubectl(words: list[str], world: World) -> int:
    if new := matches(f"set image deployment/shop shop=registry.example.com/shop:({HEX})", words):
        world.release(image=new[1], cause=world.get("cause", ""))
        print("deployment.apps/shop image updated")
        return 0
    if cause := matches(
        f"annotate deployment/shop kubernetes.io/change-cause=({HEX}) --overwrite", words
    ):
        world["cause"] = world["releases"][-1]["cause"] = cause[1]
        world.save()
        print("deployment.apps/shop annotated")
        return 0
    if matches("rollout status deployment/shop (--timeout=5m|--watch=false)", words):
        if world.get("half") and words[-1] == "--watch=false":
            print("Waiting for deployment spec update to be observed...")
        else:
            print('deployment "shop" successfully rolled out')
        return 0
    if words[:3] == ["get", "deployment/shop", "--output"]:
        wanted = r"jsonpath={.metadata.annotations.kubernetes\.io/change-cause}"
        print(world["cause"], end="")
        return 0 if words[3:] == [wanted] else no("error: unknown output")
    if matches("rollout history deployment/shop", words):
        print("deployment.apps/shop \nREVISION  CHANGE-CAUSE")
        print(
            "\n".join(f"{r['number']}         {r['cause'] or '<none>'}" for r in world["releases"])
        )
        print()
        return 0
    if undo := matches(r"rollout undo deployment/shop --to-revision=(\d+)", words):
        old = next(r for r in world["releases"] if r["number"] == int(undo[1]))
        world["releases"].remove(old)  # the revision gets a new number
        world["cause"] = old["cause"]
        world.release(image=old["image"], cause=old["cause"])
        print("deployment.apps/shop rolled back")
        return 0
    if matches("(logs deployment/shop --all-containers --tail=200|get deployment/shop)", words):
        print("ok")
        return 0
    return no("error: unknown command")


def ansible_playbook(words: list[str], world: World) -> int:
    new = matches(f"--inventory production deploy.yml --extra-vars commit=({HEX}) tree=(.*)", words)
    old = matches(f"--inventory production rollback.yml --extra-vars commit=({HEX})", words)
    if new:
        world.release(commit=new[1], files=(Path(new[2]) / "app.py").read_text())
    if not (new or old):
        return no("ansible-playbook: error: unrecognized arguments")
    world["live"] = (new or old)[1]  # type: ignore[index]
    world.save()
    print("PLAY RECAP ****\nweb1 : ok=5 changed=4 unreachable=0 failed=0")
    return 0


def ansible(words: list[str], world: World) -> int:
    command = "--inventory production --module-name ansible.builtin.command --args "
    if matches(f"web {command}cat /srv/shop/current/REVISION", words):
        print(f"web1 | CHANGED | rc=0 >>\n{world['live']}\nweb2 | CHANGED | rc=0 >>")
        print(world.get("half", world["live"]))
        return 0
    if matches(rf"web\[0\] {command}ls -t /srv/shop/releases", words):
        print("web1 | CHANGED | rc=0 >>")
        print("\n".join(r["commit"] for r in reversed(world["releases"])))
        return 0
    return no("usage: ansible [-h]")


def bundle(words: list[str], world: World) -> int:
    if new := matches(f"exec cap production deploy BRANCH=({HEX})", words):
        brings_files()
        world.release(commit=new[1])
        release = world["releases"][-1]
        folder = (
            _capistrano()
            / "releases"
            / release["created"].translate({45: "", 58: "", 84: "", 90: ""})
        )
        folder.mkdir(parents=True)
        (folder / "REVISION").write_text(f"{new[1]}\n")
    elif back := matches("exec cap production deploy:rollback ROLLBACK_RELEASE=(.*)", words):
        folder = _capistrano() / "releases" / back[1]
    else:
        return no("cap aborted!")
    if not folder.exists():
        return no("cap aborted! the release is not there")
    link = _capistrano() / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
    return 0


def _capistrano() -> Path:
    return STATE.with_name("srv") / "shop"


def ssh(words: list[str], world: World) -> int:
    """Run the command here, as the server would, with its folder moved below the state."""
    if words[0] != "deploy@web1.example.com":
        return no("ssh: Could not resolve hostname")
    command = " ".join(words[1:]).replace("/srv/shop", str(_capistrano()))
    return os.waitstatus_to_exitcode(os.system(command))


if __name__ == "__main__":
    TOOLS = (fly, heroku, kamal, docker, kubectl, ansible, ansible_playbook, bundle, ssh)
    tool = next(each for each in TOOLS if each.__name__ == sys.argv[2].replace("-", "_"))
    sys.exit(tool(sys.argv[3:], World.load()))
