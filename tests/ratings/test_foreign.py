"""Texts of other kinds are refused with what they are and a remedy; rows of fields are not."""

import json
from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings.foreign import foreign

PSQL = """\
 user_id | item_id | rating
---------+---------+--------
       1 |       2 |      3
(1 row)
"""
MYSQL = """\
+---------+---------+
| user_id | item_id |
+---------+---------+
|       1 |       2 |
+---------+---------+
"""
OTHERS = {
    "JSON": '{"user": 1, "item": 2}\n',
    "JSON, pretty": '{\n  "user": 1,\n  "item": 2\n}\n',
    "JSON, list": '[{"user": 1, "item": 2}]\n',
    "JSON, pretty list": '[\n  {"user": 1, "item": 2}\n]\n',
    "JSON, of Python": "{'user': 1, 'item': 2}\n",
    "JSON, of Python 2": "{u'user': 1, u'item': 2}\n",
    "lines of svmlight": "1 5:3 7:4\n-1 5:1\n3 7:5.5 8:1e-3 # comment\n",
    "lines of svmlight or libFM": "1 5:3\n2 5:1\n",
    "a table drawn with lines": PSQL,
    "a table drawn with lines, ": MYSQL,
    "a table drawn": "| user | item |\n|------|:----:|\n| 1 | 2 |\n",
    "XML": '<?xml version="1.0"?>\n<ratings/>\n',
    "XML ": "<ratings><r u='1' i='2'>3</r></ratings>\n",
    "an ARFF file": "% by Weka\n@RELATION r\n@ATTRIBUTE user NUMERIC\n@DATA\n1,2\n",
    "SQL": "INSERT INTO ratings VALUES (1,2,3),(1,3,4);\n",
    "SQL;": "-- MySQL dump 10.13\n--\nCREATE TABLE ratings (a int);\n",
    "YAML": "- user: 1\n  item: 2\n- user: 2\n  item: 2\n",
    "lists or tuples": "(1, 2)\n(1, 3)\n",
    "lists or tuples in": "[1, 2],\n[1, 3]\n",
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("name", ["r.txt", "ratings.csv", "u.data"])
def test_other_texts_are_refused_with_a_remedy(name: str, what: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(OTHERS[what])
    said = rf"{name}: by its content {what.partition(',')[0].strip()}.*(write|reads|load)"
    for where in (tmp_path / name, tmp_path) if name != "r.txt" else (tmp_path / name,):
        with pytest.raises(DataError, match=said):
            recsys.read_ratings(where)


ROWS = [
    "user,item,rating\n1,2,3\n", "{6F9619FF-8B86},1,5\n{6F9619FF-8B87},1,5\n", "a|b|3\nc|d|4\n",
    "1 5 12:30\n", "<user>,<item>\n1,2\n", "<user> <item> <rating>\n1 2 3\n", "-,1,2\n", "[x],1\n",
    "# user | item\n1|2\n", "(a),x\n(b),y\n", "--,1\n++,2\n", "insert,1,2\n", "copy,stdin,3\n",
    "1\t2\t3:4\n", "user:token\titem:token\n1\t2\n", "@relation,1\n",
]  # fmt: skip


@pytest.mark.parametrize("text", ROWS)
def test_rows_of_fields_are_not_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(text)
    assert not foreign(str(tmp_path / "r.txt"))


def test_the_remedies_work(tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    for case in (one for one in OTHERS if one.startswith("JSON")):
        file.write_text(OTHERS[case])
        assert recsys.read_ratings(file, layout="json-lines").items.ids.tolist() == [2]
    file.write_text("{'a': 1, 3\n")
    with pytest.raises(DataError, match="by its content JSON"):
        recsys.read_ratings(file)
    named = recsys.read_ratings(file, layout="delimited-text", header=False)
    assert named.users.ids.tolist() == ["{'a': 1"]


def test_the_end_of_a_printed_table_is_said(tmp_path: Path) -> None:
    rows = "user_id|item_id|rating\n1|2|3\n"
    for end in ("(1 row)", "(2 rows)", "2 rows in set (0.00 sec)"):
        (tmp_path / "r.txt").write_text(f"{rows}{end}\n")
        with pytest.raises(DataError, match=r"line 3: .*the end of a table as psql or mysql"):
            recsys.read_ratings(tmp_path / "r.txt")


def test_a_json_line_with_a_list_is_json(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(json.dumps({"tags": [1], "user": 1, "item": 2}) + "\n")
    with pytest.raises(DataError, match="--layout json-lines"):
        recsys.read_ratings(tmp_path / "r.csv")
