"""`/docs`: the HTTP API for people, written from the schema that the service gives at `/openapi.json`.

One page of HTML without a script, so that it works under the strictest policy, on a machine without a way out, and
shows nothing but what this instance really answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

PAGE = """\
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>接口说明 · HTTP API</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/style.css">
</head>
<body>
<a class="skip" href="#main">跳到主要内容 · Skip to content</a>
<main id="main" class="wrap" tabindex="-1">
<h1>接口说明 HTTP API</h1>
<p class="lead">{title} {version}</p>
<p lang="en">{description}</p>
<p>密钥以 <code>Authorization: Bearer KEY</code> 发送。<span lang="en">A key is sent in this header.</span>
<a href="/openapi.json">openapi.json</a> · <a href="/">核验 Verify</a></p>
{body}
</main>
</body>
</html>
"""
Schema = dict[str, Any]


def api_page(schema: Schema) -> str:
    """The page for this OpenAPI schema."""
    about = {name: escape(str(schema["info"][name])) for name in ("title", "version", "description")}
    return PAGE.format(body="\n".join((*_operations(schema), *_schemas(schema))), **about)


def _operations(schema: Schema) -> Iterator[str]:
    calls: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            calls.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation))
    for tag, shown in calls.items():
        yield f'<section class="card" aria-labelledby="tag-{tag}"><h2 id="tag-{tag}">{escape(tag)}</h2>'
        yield from shown
        yield "</section>"


def _operation(method: str, path: str, operation: Schema) -> str:
    parts = [f"<p>{_prose(part)}</p>" for part in _told(operation).split("\n\n")]
    parts.append(f"<p>可调用者 Who may call: {_prose(operation['x-who'])}</p>")
    if parameters := operation.get("parameters"):
        parts.append(_table(("参数 parameter", "位置 in", "类型 type", "说明 what"), map(_parameter, parameters)))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>请求 Request · <code>{escape(media_type)}</code></h3>")
        parts.append(f"<p>{_shape(content.get('itemSchema', content.get('schema', {})))}</p>")
        parts += [_code(content["example"])] if "example" in content else []
    parts.append("<h3>应答 Answers</h3>")
    parts.append(_table(("状态 status", "说明 what", "内容 content"), map(_answer, operation["responses"].items())))
    name = escape(operation["operationId"])
    call = f"<code>{method} {escape(path)}</code>"
    return f'<details class="call" id="{name}"><summary>{call}</summary>{"".join(parts)}</details>'


def _told(operation: Schema) -> str:
    """What the call does; who may call it has a line of its own."""
    return str(operation.get("description", "")).partition("\n\nRole: ")[0]


def _parameter(parameter: Schema) -> tuple[str, ...]:
    needed = " *" if parameter.get("required") else ""
    what = parameter.get("description", "")
    return (
        f"<code>{escape(parameter['name'])}</code>{needed}",
        parameter["in"],
        _shape(parameter["schema"]),
        _prose(what),
    )


def _answer(answer: tuple[str, Schema]) -> tuple[str, ...]:
    status, told = answer
    content = "<br>".join(
        f"<code>{escape(media_type)}</code> {_shape(shown.get('itemSchema', shown.get('schema', {})))}"
        for media_type, shown in told.get("content", {}).items()
    )
    return status, _prose(told["description"]), content


def _shape(schema: Schema) -> str:
    """In a few words what a value is; models of the schema are linked."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " | ".join(_shape(one) for one in schema[several])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    kind = str(schema.get("format") or schema.get("type") or "object")
    bounds = [f"{words} {schema[name]}" for name, words in _BOUNDS if name in schema]
    return escape(", ".join([kind, *bounds]))


_BOUNDS = (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "length ≤"), ("default", "default"))


def _schemas(schema: Schema) -> Iterator[str]:
    yield '<section class="card" aria-labelledby="schemas"><h2 id="schemas">数据结构 Schemas</h2>'
    for name, model in schema["components"]["schemas"].items():
        # a link to what lies inside opens the details; one to the details themselves does not
        inside = f'<div id="schema-{escape(name)}">{_code(model)}</div>'
        yield f'<details class="call"><summary><code>{escape(name)}</code></summary>{inside}</details>'
    yield "</section>"


def _code(value: Any) -> str:
    """A text as it is, anything else as JSON; in JSON the names of models are links."""
    text = escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2), quote=False)
    return f'<pre tabindex="0"><code>{_MODEL.sub(_link, text)}</code></pre>'


_MODEL = re.compile(r"#/components/schemas/(\w+)")


def _link(found: re.Match[str]) -> str:
    return f'<a href="#schema-{found[1]}">{found[0]}</a>'


def _prose(text: str) -> str:
    """Plain text in which `names` stand out."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
