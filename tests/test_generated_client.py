"""A stock generator makes a client of the vendor's own API description; unchanged it leads a product through its life.

What it leaves out of the description is asserted, too: one call, and the models of some answers. A second one, for
TypeScript, leaves out nothing, and its client makes every call there is (`generated_client.ts`).
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from emitter.clock import parse_rfc3339
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from tests.conftest import SECRET
from tests.support_cli import served
from tests.support_vendor import VENDOR, document, operations

pytestmark = pytest.mark.acceptance  # it writes more than a thousand files, and reads them

GENERATOR = "openapi_python_client"
START = parse_rfc3339("2030-02-01T09:00:00Z")
ADMIN = {"Authorization": "Bearer any"}
LEFT_OUT = {"getRiskAssessment"}
"""What it makes no working call of: the module imports a model that it could not make."""
WITHOUT_A_MODEL = {
    "getAccessRequestById", "recentDeterminations", "requestAccess", "requestMaskingException", "searchAccessRequests",
    "searchDataProductAccessRequests", "searchDataProductMembers", "testWebhook", "testWebhookConfig",
}  # fmt: skip
"""Whose answers it has no model for: it cannot read `metadata` of an access request, and an enum of texts and numbers.

Their calls are made all the same; the answer is in `content`.
"""


class Client:
    """The generated package, and a session in the name of one token."""

    def __init__(self, package: str, url: str, token: str) -> None:
        self.package = package
        self.session = importlib.import_module(f"{package}.client").AuthenticatedClient(
            base_url=f"{url}/marketplace", token=token, raise_on_unexpected_status=False
        )

    def __enter__(self) -> Client:
        self.session.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.session.__exit__()

    def __call__(self, operation: str, *path: str, status: int, body: Any = None, query: Any = None) -> Any:
        """Call an operation; what its answer was made into, or the JSON of it where there is no model."""
        how = {**(query or {}), "client": self.session}
        if body is not None:
            how["body"] = self.model(type_of_body(operation)).from_dict(body)
        answer = module_of(self.package, operation).sync_detailed(*path, **how)
        assert answer.status_code == status, answer.content
        if answer.parsed is None and answer.content:
            return json.loads(answer.content)
        return answer.parsed

    def model(self, name: str) -> Any:
        """A class of the package."""
        return getattr(importlib.import_module(f"{self.package}.models"), name)


def module_of(package: str, operation: str) -> ModuleType:
    """The module of an operation, which stands in the folder of its tag."""
    [(_, _, tag)] = [each for each in described() if each[0] == operation]
    return importlib.import_module(f"{package}.api.{snake(tag)}.{snake(operation)}")


def described() -> list[tuple[str, dict[str, Any], str]]:
    """Every operation of the description: its name, what stands there, its tag."""
    found = [document()["paths"][path][method.lower()] for method, path in operations()]
    return [(each["operationId"], each, each.get("tags", ["default"])[0]) for each in found]


def type_of_body(operation: str) -> str:
    """The name of the schema of the body of an operation."""
    [(_, known, _)] = [each for each in described() if each[0] == operation]
    return str(known["requestBody"]["content"]["application/json"]["schema"]["$ref"]).rpartition("/")[2]


def snake(name: str) -> str:
    """A name as modules are called."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace(" ", "_").replace("-", "_")
    return re.sub(r"\W", "", words).lower()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Generate the client into a folder of its own, as the generator does without a word of ours; its package."""
    if not VENDOR.is_file():
        pytest.skip(f"the vendor's API description is not at {VENDOR}")
    pytest.importorskip(GENERATOR)
    folder = tmp_path_factory.mktemp("generated")
    ran = subprocess.run(
        [sys.executable, "-m", GENERATOR, "generate", "--path", VENDOR, "--output-path", folder / "made"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    [made] = [each.parent for each in (folder / "made").glob("*/client.py")]
    sys.path.insert(0, str(made.parent))
    yield made.name
    sys.path.remove(str(made.parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == made.name]:
        del sys.modules[name]


def test_it_makes_every_call_but_one_and_leaves_out_the_answers_of_some(package: str) -> None:
    left_out, unmodelled = set(), set()
    for name, known, _ in described():
        try:
            module = module_of(package, name)
        except ModuleNotFoundError:
            left_out.add(name)
            continue
        answers = any("content" in answer for answer in known["responses"].values())
        if answers and not hasattr(module, "sync"):
            unmodelled.add(name)

    assert (left_out, unmodelled) == (LEFT_OUT, WITHOUT_A_MODEL)


def test_it_lives_through_a_product_from_its_publication_to_its_deletion(
    package: str,
    make_simulator: Callable[..., Simulator],
    make_receiver: Callable[..., Receiver],
    running: Callable[..., Any],
) -> None:
    simulator = make_simulator(seed=7, start=START)
    receiver = make_receiver(catalog=simulator.catalog)
    with served(simulator) as url:
        domain = simulator.world_entity("domain", "Finance")["entity"]["id"]
        ada = simulator.act("add_user", name="Ada Lovelace")["entity"]["globalUserId"]
        grace = simulator.act("add_user", name="Grace Hopper", manages=["Finance"])["entity"]["globalUserId"]
        admin, owner, consumer = (
            running(Client(package, url, token)) for token in ("any", token_of(url, grace), token_of(url, ada))
        )

        hook = admin("createWebhook", body={"url": f"{receiver.url}/hook", "signingKey": SECRET}, status=200)
        assert hook.signing_key is True
        product = owner(
            "createDataProduct", status=201,
            body={"name": "Claims 2025", "metadata": None, "domains": [domain], "dataSources": [{"sourceId": "109"}]},
        )  # fmt: skip
        assert product.status.value == "PUBLISHER"
        id = str(product.id)

        first = consumer("requestAccess", id, body={"user": ada}, status=201)
        assert first["status"] == "PENDING"
        assert [each["id"] for each in open_requests(owner, id)] == [first["id"]]
        approve(owner, first["id"], duration=30)
        assert consumer("getAccessRequestById", first["id"], status=200)["expiration"] == "2030-03-03T09:00:00.000Z"
        assert consumer("getDataProductById", id, status=200).status.value == "APPROVED"

        advanced = requests.post(f"{url}/simulator/clock/advance", json={"by": "30d"}, headers=ADMIN, timeout=30)
        assert advanced.status_code == 200
        assert consumer("getAccessRequestById", first["id"], status=200)["status"] == "EXPIRED"
        assert consumer("getDataProductById", id, status=200).status.value == "EXPIRED"

        second = consumer("requestAccess", id, body={"user": ada}, status=201)
        approve(owner, second["id"])
        owner("revokeAccess", id, second["id"], status=204)
        assert consumer("getAccessRequestById", second["id"], status=200)["status"] == "REVOKED"
        owner("deleteDataProduct", id, status=200)
        owner("getDataProductById", id, status=404)

        assert simulator.settle(10)
        page = admin("getWebhookHistory", str(hook.id), query={"limit": 100.0}, status=200)
        assert (page.meta.total_count, {each.status for each in page.data}) == (10, {"SUCCESS"})
        kinds = [capture.type.removeprefix("marketplace.data_product.") for capture in receiver.captures]
        about = {json.loads(capture.body)["data"]["dataProductId"] for capture in receiver.captures}
        verdicts = {(each.contract, each.signature.ok) for each in receiver.captures}
    assert kinds == [
        "state.created", "access_requests.created", "access_requests.consumer.updated", "access_requests.expiring",
        "access_requests.expiring", "access_requests.expired", "access_requests.created",
        "access_requests.consumer.updated", "access_requests.revoked", "state.deleted",
    ]  # fmt: skip
    assert about == {id}
    assert verdicts == {("valid", True)}


TYPESCRIPT = ("@hey-api/openapi-ts@0.95.0", "typescript@5.9.3", "@types/node@20")
STRICTLY = (
    "--strict", "--noUncheckedIndexedAccess", "--skipLibCheck", "--target", "es2022", "--module", "commonjs",
    "--moduleResolution", "node10",
)  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story in TypeScript with a client that is generated beside it, held against its types and compiled."""
    if not VENDOR.is_file():
        pytest.skip(f"the vendor's API description is not at {VENDOR}")
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node")
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copy(Path(__file__).with_name("generated_client.ts"), folder / "story.ts")
    got = _ran(folder, "npm", "install", "--no-audit", "--no-fund", "--prefix", ".", *TYPESCRIPT)
    if got.returncode:
        pytest.skip(f"the generator for TypeScript cannot be had: {got.stderr[-200:]}")
    for command in (
        ("openapi-ts", "-i", str(VENDOR), "-o", "client"),
        ("tsc", *STRICTLY, "--outDir", "out", "story.ts"),
    ):
        made = _ran(folder, f"node_modules/.bin/{command[0]}", *command[1:])
        assert made.returncode == 0, made.stdout + made.stderr
    return folder / "out" / "story.js"


def _ran(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)


def test_one_that_leaves_out_nothing_makes_every_call_there_is(
    program: Path, make_simulator: Callable[..., Simulator], make_receiver: Callable[..., Receiver]
) -> None:
    simulator = make_simulator(seed=7, start=START)
    receiver = make_receiver(catalog=simulator.catalog)
    domain = simulator.world_entity("domain", "Finance")["entity"]["id"]
    ada = simulator.act("add_user", name="Ada Lovelace")["entity"]["globalUserId"]
    grace = simulator.act("add_user", name="Grace Hopper", manages=["Finance"])["entity"]["globalUserId"]

    with served(simulator) as url:
        tokens = token_of(url, grace), token_of(url, ada)
        ran = _ran(program.parent, "node", str(program), url, *tokens, ada, domain, receiver.url)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "called": sorted(re.sub(r"\W", "", name) for name, _, _ in described()),
        "hooks": 1, "sources": 2, "named": True, "found": ["Claims 2025"], "open": [True], "members": 1,
        "afterAMonth": "EXPIRED", "afterRevocation": "REVOKED", "determined": ["APPROVED", "APPROVED"], "unmasked": 1,
        "requests": [
            "MASKING_EXCEPTION APPROVED", "DATA_ACCESS CANCELED", "DATA_ACCESS REVOKED", "DATA_ACCESS EXPIRED",
        ],
        "me": True, "gone": 404, "history": ["SUCCESS"], "health": "ok",
    }  # fmt: skip
    assert [each.type.removeprefix("marketplace.").removeprefix("data_product.") for each in receiver.captures] == [
        "webhook.test", "webhook.test", "state.created", "data_sources.updated",
        "access_requests.created", "access_requests.consumer.updated", "access_requests.expiring",
        "access_requests.expiring", "access_requests.expired",
        "access_requests.created", "access_requests.consumer.updated", "access_requests.revoked",
        "access_requests.created", "access_requests.canceled",
        "access_requests.created", "access_requests.consumer.updated", "state.deleted", "access_requests.deleted",
    ]  # fmt: skip


def token_of(url: str, user: str) -> str:
    """A token that stands for somebody."""
    made = requests.post(f"{url}/simulator/tokens", json={"user": user}, headers=ADMIN, timeout=30)
    return str(made.json()["token"])


def open_requests(client: Client, product: str) -> list[dict[str, Any]]:
    """The open requests for a product, as they are searched."""
    pending = client.model("SearchDataProductAccessRequestsStatusItem").PENDING
    found: list[dict[str, Any]] = client(
        "searchDataProductAccessRequests", product, status=200, query={"status": [pending]}
    )["data"]
    return found


def approve(client: Client, request: str, *, duration: int = 0) -> None:
    """Approve on the first record of a request, for so many days or for good."""
    [record] = client("getAccessRequestRecords", request, status=200).approval_records
    lasts = {"duration": duration, "durationUnit": "DAYS"} if duration else {}
    made = client("updateApprovalRecord", record.id, body={"status": "APPROVED", **lasts}, status=200)
    assert (made.status.value, made.duration) == ("APPROVED", duration or None)
