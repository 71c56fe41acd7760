"""The doctor of a file."""

from __future__ import annotations

import json
from pathlib import Path

from recsys.app.doctor import DoctorRequest, doctor


def test_accounts_and_findings_are_json(tmp_path: Path) -> None:
    file, test = tmp_path / "r.csv", tmp_path / "t.csv"
    rows = [f"{u},{i},{99 if u == i else (u + i) % 5 + 1}\n" for u in range(9) for i in range(9)]
    file.write_text("user,item,rating\n" + "".join(rows))
    test.write_text("user,item,rating\n" + "".join(rows[10:12]))
    found = doctor(DoctorRequest(str(file), held_out=str(test)))
    codes = [one.code for one in found.findings]
    assert codes[0] == "D016"
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["account"]["n_rows"], plain["held_out"]["n_rows"]) == (81, 2)
    assert "held_out" not in doctor(DoctorRequest(str(file))).to_dict()
    assert plain["findings"][0]["text"].startswith("2 of the 2 held-out ratings")
    assert set(plain["findings"][0]) == {"code", "level", "text", "remedy"}
