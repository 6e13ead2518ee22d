import subprocess
import sys
from pathlib import Path

import pytest
from conftest import result_files, toy_root

from mots.batch.plan import Plan
from mots.batch.ray_cluster import RayCluster
from mots.errors import MotsError
from mots.settings import load

# A head without CPUs and two workers, one of which is killed once the first sequence is done. Ray warns of its own
# deprecations, and leaves processes behind when a test process dies, so it has a process of its own.
CLUSTER = """
import os, subprocess, sys, time
from pathlib import Path
from ray.cluster_utils import Cluster

output, arguments = Path(sys.argv[1]), sys.argv[2:]
small = {"object_store_memory": 80 * 2**20}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **small})
workers = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
cluster.wait_for_nodes()
run = subprocess.Popen([sys.executable, "-m", "mots", *arguments, "--ray-address", cluster.address])
while not list(output.glob("manifest/*.json")) and run.poll() is None:
    time.sleep(0.02)
early = run.poll() is None
cluster.remove_node(workers[0], allow_graceful=False)
status = run.wait()
cluster.shutdown()
print("killed while it ran:", early)
sys.exit(status)
"""


def test_a_cluster_loses_a_worker_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    root = toy_root(tmp_path / "kitti", ("0000", "0001", "0002", "0003", "0004", "0005"))

    def arguments(output: Path) -> list[str]:
        detections = ["--detections", str(root / "detections"), "--output", str(output)]
        return ["run", "--root", str(root), "--benchmark", "kitti-mots", "--chunk-frames", "7", *detections]

    subprocess.run([sys.executable, "-m", "mots", *arguments(tmp_path / "one"), "--quiet"], check=True)
    command = [sys.executable, "-c", CLUSTER, str(tmp_path / "many"), *arguments(tmp_path / "many"), "--engine", "ray"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0
    assert "killed while it ran: True" in done.stdout
    assert result_files(tmp_path / "many") == result_files(tmp_path / "one")


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MotsError, match=r"pip install '.\[ray\]' in the project's folder"):
        RayCluster(Plan(tmp_path, load("default")), None, 1)
