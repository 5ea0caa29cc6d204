"""The table of docs/benchmarks.md has a column for each server that was measured."""

from benchmarks import page, summary
from benchmarks.rounds import Sample


def sample(server: str, per_second: float) -> Sample:
    return Sample("W1", 1, server, 1, 1000, per_second, 1.0, 2.0, 1.0, 50.0)


def test_what_was_measured_has_a_column_and_what_was_not_has_none():
    rows = summary.rows(
        [
            sample("compiled", 1000),
            sample("bun", 500),
            sample("larger", 800),
            sample("open", 100),
            sample("owner", 50),
        ]
    )

    assert page.figures(rows).splitlines() == [
        "|  | clients | requests/s | p50 ms | p99 ms | x bun / CPU"
        " | larger, times as long / CPU | owner, times as long / CPU |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        "| W1 | 1 | 1,000 | 1.00 | 2.00 | 2.00 / 1.00 | 1.25 / 1.00 (1.2) | 2.00 / 1.00 (1.3) |",
    ]


def test_only_the_table_of_the_page_is_replaced(monkeypatch, tmp_path):
    text = page.PAGE.read_text()
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    page.PAGE.write_text(text)
    rows = summary.rows([sample("compiled", 1000)])

    page.write(rows)

    written = page.PAGE.read_text()
    assert page.shown(written) == page.figures(rows)
    assert written.replace(page.figures(rows), page.shown(text)) == text
