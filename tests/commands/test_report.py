"""Stores become a page whose table is of all, whose pictures lie in it or beside it, and which says what is amiss."""

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from reporting import data_of, evaluated, store

from xaicf.commands.report import main, report
from xaicf.core import DataError, InputError, UserError
from xaicf.store import Folder, Manifest


def test_the_page_holds_what_the_store_does(tmp_path: Path) -> None:
    output = tmp_path / "new" / "page.html"
    report([store(tmp_path / "run", ["a", "b"])], str(output))
    data = data_of(output)
    assert [row[0] for row in data["questions"]] == list(range(12))
    assert [found[0] for found in data["explainers"][0]["answers"]] == [int(index % 4 > 0) for index in range(12)]
    html = output.read_text(encoding="utf-8")
    for name, count in {
        "questions": 12,
        "solved": 9,
        "unsolved": 3,
        "not applicable": 0,
        "solved share": "75.0%",
    }.items():
        assert f'<th scope="row">{name}</th><td>{count}</td>' in html
    assert "Made from run (12 images of the test split)." in html
    assert str(tmp_path) not in html


def test_the_page_says_which_data_and_networks_it_is_about(tmp_path: Path) -> None:
    path = store(tmp_path / "run", ["a"])
    networks: dict[str, Any] = {
        "classifier": {"class_path": "xaicf.nn.foreign_classifier", "init_args": {"factory": "own.net"}},
        "generator": {"class_path": "xaicf.load_frozen", "init_args": {"path": "vae.ckpt"}},
    }
    settings = {"data": {"class_path": "xaicf.data.MNIST"}, "model": {"init_args": networks}}
    manifest = Manifest.read(Folder(path))
    dataclasses.replace(manifest, settings=settings, networks=dict.fromkeys(networks, "")).write(Folder(path))
    report([path], str(tmp_path / "page.html"))
    said = "run (12 images of the test split, data MNIST, classifier own.net, generator vae.ckpt)"
    assert said in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_table_is_of_what_was_measured(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    path = evaluated(store(tmp_path / "run", ["a", "b"]), ["a", "b"])
    report([path], str(output))
    html = output.read_text(encoding="utf-8")
    arrow = '<span role="img" aria-label="lower is better" title="lower is better">↓</span>'
    best = "<strong>0.25 <small>[0.125, 0.375]</small> <small>n 6</small></strong>"
    assert f"deletion {arrow}</th><td>{best}</td><td>1.25 <small>[1.12, 1.38]</small> <small>n 6</small></td>" in html
    assert f"frechet distance {arrow}</th><td>0.25 <small>n 12</small></td><td>1.25 <small>n 12</small></td>" in html
    assert '<th scope="row">distance</th><td>0.25 <small>[0, 9]</small></td>' in html
    assert html.count('<th scope="row">distance</th>') == 1  # the scalar of that name is not there
    assert html.index("Counterfactuals</th>") < html.index("Signed maps</th>")
    assert "<dt>deletion</dt><dd>the area under p_fact" in html
    assert "Not evaluated" not in html
    (one, _) = data_of(output)["explainers"]
    assert (one["measures"], one["scalars"]) == (["deletion", "distance"], [])
    assert [found[4] for found in one["answers"]][:3] == [[1, 0], [None, 7], [0.333333, 2]]


def test_a_question_that_was_not_measured_has_no_number(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    report([evaluated(store(tmp_path / "run", ["a"]), ["a"], samples=2)], str(output))
    answers = data_of(output)["explainers"][0]["answers"]
    assert [found[4] for found in answers] == [[1, 0], [None, 7], *[[None, None]] * 10]


def test_a_store_that_was_not_evaluated_says_so(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    one, two = (store(tmp_path / name, [name]) for name in ("one", "two<i>"))
    advice = "<code>python -m xaicf evaluate DIR --output table</code> adds the measures."
    report([one, two], str(output))
    html = output.read_text(encoding="utf-8")
    assert f"Not evaluated: one, two&lt;i&gt;. {advice}" in html
    assert '<th scope="row">distance</th>' in html
    evaluated(one, ["one"])
    report([one, two], str(output))
    html = output.read_text(encoding="utf-8")
    assert f"Not evaluated: two&lt;i&gt;. {advice}" in html
    assert '<th scope="row">distance</th><td>0.25 <small>[0, 9]</small></td><td>–</td>' in html
    assert '<th scope="row">distance</th><td>–</td><td>' in html  # the other's own


def test_a_damaged_evaluation_is_named(tmp_path: Path) -> None:
    path = evaluated(store(tmp_path / "run", ["a"]), ["a"])
    (tmp_path / "run" / "evaluation.json").write_text("[{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"^\S*run/evaluation\.json or its table is damaged[^\n]*$"):
        report([path], str(tmp_path / "page.html"))


def test_fewer_images_leave_the_table_whole(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    stores = [store(tmp_path / "run", ["a"]), store(tmp_path / "late", ["b"], first=100)]
    report(stores, str(output), images=7)
    html = output.read_text(encoding="utf-8")
    assert [row[0] for row in data_of(output)["questions"]] == list(range(7))
    assert "The 7 images with the lowest ids of 24 are shown; the table is over all." in html
    assert '<th scope="row">questions</th><td>12</td><td>12</td>' in html


def test_explainers_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    stores = [store(tmp_path / folder / "run", [name, "same"]) for folder, name in (("x", "only"), ("y", "other"))]
    report([f"{stores[0]}/", stores[1]], str(output))
    found = {one["name"]: one["answers"] for one in data_of(output)["explainers"]}
    assert list(found) == ["only", "same (x/run)", "other", "same (y/run)"]
    assert all(len(answers) == 12 and None not in answers for answers in found.values())  # side by side
    report([stores[0], store(tmp_path / "two", ["same"])], str(output))
    assert [one["name"] for one in data_of(output)["explainers"]] == ["only", "same (run)", "same (two)"]


def test_mistakes_are_named(tmp_path: Path) -> None:
    path = store(tmp_path / "run", ["a"])
    output = str(tmp_path / "page.html")
    with pytest.raises(InputError, match="images must be at least 1, got 0"):
        report([path], output, images=0)
    with pytest.raises(InputError, match="inline must be at least 0, got -1"):
        report([path], output, inline=-1)
    with pytest.raises(InputError, match="each named once"):
        report([path, f"{path}/"], output)
    with pytest.raises(InputError, match="got none"):
        report([], output)
    with pytest.raises(DataError, match=r"nowhere/manifest\.json is missing"):
        report([str(tmp_path / "nowhere")], output)
    with pytest.raises(DataError, match=re.escape(f"cannot write {tmp_path}: ")):
        report([path], str(tmp_path))
    with pytest.raises(DataError, match=r"cannot write .*manifest\.json/page\.html"):
        report([path], f"{path}/manifest.json/page.html")
    (tmp_path / "run" / "a" / "part_000001.json").unlink()
    with pytest.raises(DataError, match="lacks 1 of 3 parts of a"):
        report([path], output)
    assert not Path(output).exists()


def test_the_command_line_says_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "page.html"
    paths = [store(tmp_path / "run", ["a"]), store(tmp_path / "more", ["b"])]
    main([*paths, "--output", str(output), "--images", "3"])
    assert capsys.readouterr().out == f"Report in {output}\n"
    assert len(data_of(output)["questions"]) == 3
    for wrong in ([*paths], ["--output", "x"], [*paths, "--output", "x", "--images", "many"], [*paths, "--what"]):
        with pytest.raises(UserError, match="report: "):
            main(wrong)


def test_pictures_of_many_images_lie_beside_the_page(tmp_path: Path) -> None:
    output, whole = tmp_path / "page.html", tmp_path / "whole.html"
    path = store(tmp_path / "run", ["a"])
    beside = tmp_path / "page_files"
    beside.mkdir()
    (beside / "sheet_000099.png").touch()  # of an earlier page
    report([path], str(output), inline=11)
    report([path], str(whole), inline=12)
    data, inside = data_of(output), data_of(whole)
    assert data["folder"] == "page_files/"
    assert inside["folder"] == ""
    assert sorted(sheet["source"] for sheet in data["sheets"]) == sorted(file.name for file in beside.iterdir())
    for one, other in zip(data["sheets"], inside["sheets"], strict=True):
        assert base64.b64decode(other["source"].partition(",")[2]) == (beside / one["source"]).read_bytes()
    assert "data:image" not in output.read_text(encoding="utf-8")


RESULT = {
    "study": "planted",
    "title": "Is <it> found",
    "seeds": [0, 1],
    "quick": False,
    "command": "python -m xaicf study planted",
    "spread": "least and largest",
    "rows": [
        {"measure": "found", "ours": 0.5, "low": 0.25, "high": 0.75, "n": 1000, "goal": 0.25, "better": "higher"},
        {"measure": "lost", "ours": 0.5, "published": 0.125, "goal": 0.25, "better": "lower"},
        {"measure": "nothing", "ours": None},
    ],
}


def test_results_of_studies_are_shown_with_their_goals(tmp_path: Path) -> None:
    output, file = tmp_path / "page.html", tmp_path / "elsewhere.json"
    path = store(tmp_path / "run", ["a"])
    report([path], str(output))
    assert 'id="results"' not in output.read_text(encoding="utf-8")
    file.write_text(json.dumps(RESULT), encoding="utf-8")
    main([path, "--output", str(output), "--results", str(file)])
    html = output.read_text(encoding="utf-8")
    assert "<summary>Is &lt;it&gt; found</summary><p>planted: python -m xaicf study planted, seed 0, 1.</p>" in html
    assert "found ↑</th><td>0.5 [0.25, 0.75]</td><td>1,000</td><td></td><td>0.25</td><td>met</td>" in html
    assert "lost ↓</th><td>0.5</td><td></td><td>0.125</td><td>0.25</td><td>missed</td>" in html
    assert "nothing</th><td>–</td><td></td><td></td><td></td><td></td>" in html


def test_a_result_in_or_next_to_a_store_is_found(tmp_path: Path) -> None:
    path, output = store(tmp_path / "study" / "run", ["a"]), tmp_path / "page.html"
    for file, title in (
        (tmp_path / "study" / "result.json", "next"),
        (tmp_path / "study" / "run" / "result.json", "in"),
    ):
        file.write_text(json.dumps(RESULT | {"title": title, "quick": True}), encoding="utf-8")
    report([path], str(output))
    html = output.read_text(encoding="utf-8")
    assert html.index("<summary>in</summary>") < html.index("<summary>next</summary>")
    assert html.count("A quick run, whose numbers mean nothing.") == 2


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"rows": [{"what": 1}]}'])
def test_a_file_that_is_no_result_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    with pytest.raises(DataError, match=r"^cannot read result \S*some\.json: No such file"):
        report([store(tmp_path / "run", ["a"])], str(tmp_path / "page.html"), results=[str(file)])
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"^\S*some\.json is not the result\.json of a study"):
        report([str(tmp_path / "run")], str(tmp_path / "page.html"), results=[str(file)])
