"""access.yaml: quotas by kind of user."""

from pathlib import Path

import pytest

from router.cities.access_file import read_quotas
from router.cities.folder import city_folder
from router.wire.access_rights import QUOTA_KINDS, ByteRates
from router.wire.errors import CityError


def test_a_kind_that_is_not_named_has_no_quota(tmp_path: Path) -> None:
    assert read_quotas(tmp_path) is None
    (tmp_path / "access.yaml").write_text("quotas:\n  network: {writes: 2048}\n")
    quotas = read_quotas(tmp_path)
    assert quotas is not None
    assert {kind for kind, rates in quotas.items() if rates == ByteRates()} == {*QUOTA_KINDS} - {"network"}
    assert quotas["network"] == ByteRates(writes=2048)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("quotas:\n  router: {writes: 2048}\n", "router"),
        ("quotas:\n  network: {writes: 0}\n", "1024"),
        ("quotas:\n  network: {writes: 2048.5}\n", "integer"),
        ("quotas:\n  network: {sends: 2048}\n", "sends"),
        ("limits: {}\n", "`quotas` is missing"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "access.yaml").write_text(text)
    with pytest.raises(CityError) as raised:
        read_quotas(tmp_path)
    assert "access.yaml:" in str(raised.value)
    assert says in str(raised.value)


@pytest.mark.parametrize("city", ["puyang", "los-angeles"])
def test_the_shipped_cities_limit_networks_and_departments(city: str) -> None:
    quotas = read_quotas(city_folder(city))
    assert quotas is not None
    assert quotas["network"].writes == 2 << 20
    assert quotas["department"].reads == 8 << 20
