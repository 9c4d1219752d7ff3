"""What the documentation site needs beyond Markdown; mkdocs calls these functions (``hooks`` in mkdocs.yml).

The documents link to sources and to files beside ``docs``, which works in a checkout and has no place on the site.
There, a link into the sources becomes its text, CONTRIBUTING.md and CHANGELOG.md become pages, and a notebook becomes
a page with what its cells gave.
"""

import re
from pathlib import Path
from posixpath import dirname, join, normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.notebooks import as_markdown

ROOT = Path(__file__).parent.parent
ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made: the documents in the root, and the notebooks in the place of their sources."""
    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for file in [file for file in files if file.src_uri.endswith(".py")]:
        files.remove(file)
        content = as_markdown(Path(str(file.abs_src_path)))
        files.append(File.generated(config, file.src_uri.removesuffix(".py") + ".md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make every link one of the site's own, or only its text where it leads out of the documents."""
    here = dirname(page.file.src_uri)

    def on_the_site(link: re.Match[str]) -> str:
        text, place, anchor = link[1], link[2], link[3] or ""
        if "://" in place:
            return link[0]
        target = normpath(join(here, place))
        if target.startswith("../"):
            name = target.removeprefix("../")
            return f"[{text}]({ROOT_PAGES[name]}{anchor})" if name in ROOT_PAGES else text
        return f"[{text}]({place.removesuffix('.py') + '.md' if place.endswith('.py') else place}{anchor})"

    return LINK.sub(on_the_site, markdown)
