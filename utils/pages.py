"""Pages of HTML that are made of a template."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def template(folder, **filters):
    """The template.html in a folder, which escapes every text and knows these filters."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template("template.html")
