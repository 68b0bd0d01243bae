"""JMeter's own elements, as JMeter 5.5 saves them: each function gives one element of a plan, named and explained."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

VERSION = {"version": "1.2", "properties": "5.0", "jmeter": "5.5"}
MATCHES = 1  # of a Response Assertion: a regular expression for the whole text
STOP, PAUSE, THIS_USER = 0, 1, 0  # of a Flow Control Action
PERCENT = 1  # of a Throughput Controller


@dataclass(frozen=True)
class Element:
    """An element with its properties, and what lies below it."""

    xml: ET.Element
    below: tuple[Element, ...] = ()


def element(kind: str, gui: str, name: str, comment: str, properties: Iterable[ET.Element], below: Iterable[Element] = ()) -> Element:
    xml = ET.Element(kind, {"guiclass": gui, "testclass": kind, "testname": name, "enabled": "true"})
    if comment:
        xml.append(text("TestPlan.comments", comment))
    xml.extend(properties)
    return Element(xml, tuple(below))


def document(root: Element) -> str:
    """The plan as a file."""
    whole = ET.Element("jmeterTestPlan", VERSION)
    add(ET.SubElement(whole, "hashTree"), root)
    ET.indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(whole, encoding="unicode")}\n'


def add(tree: ET.Element, one: Element) -> None:
    tree.append(one.xml)
    below = ET.SubElement(tree, "hashTree")
    for child in one.below:
        add(below, child)


# -- properties
def text(name: str, value: str) -> ET.Element:
    return valued("stringProp", name, value)


def flag(name: str, value: bool) -> ET.Element:
    return valued("boolProp", name, str(value).lower())


def number(name: str, value: int) -> ET.Element:
    return valued("intProp", name, str(value))


def valued(tag: str, name: str, value: str) -> ET.Element:
    xml = ET.Element(tag, {"name": name})
    xml.text = value
    return xml


def collection(name: str, items: Iterable[ET.Element]) -> ET.Element:
    xml = ET.Element("collectionProp", {"name": name})
    xml.extend(items)
    return xml


def inner(name: str, kind: str, properties: Iterable[ET.Element], **attributes: str) -> ET.Element:
    xml = ET.Element("elementProp", {"name": name, "elementType": kind, **attributes})
    xml.extend(properties)
    return xml


def arguments(name: str, items: Iterable[ET.Element] = (), gui: str = "HTTPArgumentsPanel") -> ET.Element:
    attributes = {"guiclass": gui, "testclass": "Arguments", "testname": "User Defined Variables", "enabled": "true"}
    return inner(name, "Arguments", [collection("Arguments.arguments", items)], **attributes)


# -- the plan and what holds for all of it
def plan(name: str, comment: str, below: Iterable[Element]) -> Element:
    properties = [
        flag("TestPlan.functional_mode", False),
        flag("TestPlan.tearDown_on_shutdown", True),
        flag("TestPlan.serialize_threadgroups", False),
        arguments("TestPlan.user_defined_variables", gui="ArgumentsPanel"),
        text("TestPlan.user_define_classpath", ""),
    ]
    return element("TestPlan", "TestPlanGui", name, comment, properties, below)


def variables(name: str, comment: str, rows: Mapping[str, tuple[str, str]]) -> Element:
    """User Defined Variables: name -> (value, what it is)."""
    items = [
        inner(
            key,
            "Argument",
            [text("Argument.name", key), text("Argument.value", value), text("Argument.desc", meaning), text("Argument.metadata", "=")],
        )
        for key, (value, meaning) in rows.items()
    ]
    return element("Arguments", "ArgumentsPanel", name, comment, [collection("Arguments.arguments", items)])


def server(name: str, comment: str, scheme: str, host: str, port: str, answer_ms: str) -> Element:
    properties = [
        arguments("HTTPsampler.Arguments"),
        text("HTTPSampler.domain", host),
        text("HTTPSampler.port", port),
        text("HTTPSampler.protocol", scheme),
        text("HTTPSampler.contentEncoding", "UTF-8"),
        text("HTTPSampler.path", ""),
        text("HTTPSampler.connect_timeout", "5000"),
        text("HTTPSampler.response_timeout", answer_ms),
    ]
    return element("ConfigTestElement", "HttpDefaultsGui", name, comment, properties)


def headers(name: str, comment: str, values: Mapping[str, str]) -> Element:
    items = [inner("", "Header", [text("Header.name", key), text("Header.value", value)]) for key, value in values.items()]
    return element("HeaderManager", "HeaderPanel", name, comment, [collection("HeaderManager.headers", items)])


def table(name: str, comment: str, file: str, columns: str) -> Element:
    """A CSV file, whose rows the users take in turn; its first line names its columns."""
    properties = [
        text("filename", file),
        text("fileEncoding", "UTF-8"),
        text("variableNames", columns),
        flag("ignoreFirstLine", True),
        text("delimiter", ","),
        flag("quotedData", True),
        flag("recycle", True),
        flag("stopThread", False),
        text("shareMode", "shareMode.all"),
    ]
    return element("CSVDataSet", "TestBeanGUI", name, comment, properties)


# -- who does it, how often
def users(name: str, comment: str, count: str, ramp: str, loops: str, below: Iterable[Element]) -> Element:
    """A Thread Group; what fails ends its round."""
    loop = [flag("LoopController.continue_forever", False), text("LoopController.loops", loops)]
    attributes = {"guiclass": "LoopControlPanel", "testclass": "LoopController", "testname": "Loop Controller", "enabled": "true"}
    properties = [
        text("ThreadGroup.on_sample_error", "startnextloop"),
        inner("ThreadGroup.main_controller", "LoopController", loop, **attributes),
        text("ThreadGroup.num_threads", count),
        text("ThreadGroup.ramp_time", ramp),
        flag("ThreadGroup.scheduler", False),
        text("ThreadGroup.duration", ""),
        text("ThreadGroup.delay", ""),
        flag("ThreadGroup.same_user_on_next_iteration", True),
    ]
    return element("ThreadGroup", "ThreadGroupGui", name, comment, properties, below)


def transaction(name: str, comment: str, below: Iterable[Element]) -> Element:
    """One sample from the beginning of its first request to the end of its last, pauses included."""
    properties = [flag("TransactionController.includeTimers", True), flag("TransactionController.parent", False)]
    return element("TransactionController", "TransactionControllerGui", name, comment, properties, below)


def repeat_while(name: str, comment: str, condition: str, below: Iterable[Element]) -> Element:
    return element("WhileController", "WhileControllerGui", name, comment, [text("WhileController.condition", condition)], below)


def only_if(name: str, comment: str, condition: str, below: Iterable[Element]) -> Element:
    properties = [
        text("IfController.condition", condition),
        flag("IfController.evaluateAll", False),
        flag("IfController.useExpression", True),
    ]
    return element("IfController", "IfControllerPanel", name, comment, properties, below)


def once(name: str, comment: str, below: Iterable[Element]) -> Element:
    """In a user's first round only."""
    return element("OnceOnlyController", "OnceOnlyControllerGui", name, comment, [], below)


def share(name: str, comment: str, percent: str, below: Iterable[Element]) -> Element:
    """What lies below runs in so many of a hundred rounds, counted over all users."""
    properties = [
        number("ThroughputController.style", PERCENT),
        flag("ThroughputController.perThread", False),
        number("ThroughputController.maxThroughput", 1),
        text("ThroughputController.percentThroughput", percent),
    ]
    return element("ThroughputController", "ThroughputControllerGui", name, comment, properties, below)


def pause(name: str, comment: str, milliseconds: str) -> Element:
    return flow(name, comment, PAUSE, milliseconds)


def leave(name: str, comment: str) -> Element:
    """The user goes."""
    return flow(name, comment, STOP, "0")


def flow(name: str, comment: str, action: int, milliseconds: str) -> Element:
    properties = [
        number("ActionProcessor.action", action),
        number("ActionProcessor.target", THIS_USER),
        text("ActionProcessor.duration", milliseconds),
    ]
    return element("TestAction", "TestActionGui", name, comment, properties)


# -- requests and what is done with their answers
def request(
    name: str,
    comment: str,
    method: str,
    path: str,
    below: Iterable[Element] = (),
    fields: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    body: str | None = None,
) -> Element:
    """With `files` (field -> path) a multipart form; with `body` that text as it is."""
    properties = [*content(fields or {}, body), *attached(files or {})]
    properties += [
        text("HTTPSampler.path", path),
        text("HTTPSampler.method", method),
        flag("HTTPSampler.follow_redirects", False),
        flag("HTTPSampler.auto_redirects", False),
        flag("HTTPSampler.use_keepalive", True),
        flag("HTTPSampler.DO_MULTIPART_POST", bool(files)),
        flag("HTTPSampler.BROWSER_COMPATIBLE_MULTIPART", True),
    ]
    return element("HTTPSamplerProxy", "HttpTestSampleGui", name, comment, properties, below)


def content(fields: Mapping[str, str], body: str | None) -> list[ET.Element]:
    if body is not None:
        whole = [flag("HTTPArgument.always_encode", False), text("Argument.value", body), text("Argument.metadata", "=")]
        return [flag("HTTPSampler.postBodyRaw", True), arguments("HTTPsampler.Arguments", [inner("", "HTTPArgument", whole)])]
    items = [inner(name, "HTTPArgument", form_field(name, value)) for name, value in fields.items()]
    return [arguments("HTTPsampler.Arguments", items)]


def form_field(name: str, value: str) -> list[ET.Element]:
    return [
        flag("HTTPArgument.always_encode", False),
        text("Argument.name", name),
        text("Argument.value", value),
        text("Argument.metadata", "="),
        flag("HTTPArgument.use_equals", True),
    ]


def attached(files: Mapping[str, str]) -> list[ET.Element]:
    if not files:
        return []
    items = [
        inner(
            path, "HTTPFileArg", [text("File.path", path), text("File.paramname", name), text("File.mimetype", "application/octet-stream")]
        )
        for name, path in files.items()
    ]
    return [inner("HTTPsampler.Files", "HTTPFileArgs", [collection("HTTPFileArgs.files", items)])]


def read_json(name: str, comment: str, paths: Mapping[str, str], missing: str) -> Element:
    """Variables out of a JSON answer."""
    properties = [
        text("JSONPostProcessor.referenceNames", ";".join(paths)),
        text("JSONPostProcessor.jsonPathExprs", ";".join(paths.values())),
        text("JSONPostProcessor.match_numbers", ";".join("1" for _ in paths)),
        text("JSONPostProcessor.defaultValues", ";".join(missing for _ in paths)),
    ]
    return element("JSONPostProcessor", "JSONPostProcessorGui", name, comment, properties)


def read_header(name: str, comment: str, variable: str, pattern: str, missing: str) -> Element:
    properties = [
        text("RegexExtractor.useHeaders", "true"),
        text("RegexExtractor.refname", variable),
        text("RegexExtractor.regex", pattern),
        text("RegexExtractor.template", "$1$"),
        text("RegexExtractor.default", missing),
        text("RegexExtractor.match_number", "1"),
    ]
    return element("RegexExtractor", "RegexExtractorGui", name, comment, properties)


def status_is(name: str, comment: str, pattern: str) -> Element:
    """The answer's status; with this a status that JMeter takes for a failure may be right."""
    properties = [
        collection("Asserion.test_strings", [text("0", pattern)]),  # JMeter's own spelling
        text("Assertion.custom_message", ""),
        text("Assertion.test_field", "Assertion.response_code"),
        flag("Assertion.assume_success", True),
        number("Assertion.test_type", MATCHES),
    ]
    return element("ResponseAssertion", "AssertionGui", name, comment, properties)


def body_is(name: str, comment: str, pattern: str, message: str) -> Element:
    """The whole body of the answer."""
    properties = [
        collection("Asserion.test_strings", [text("0", pattern)]),
        text("Assertion.custom_message", message),
        text("Assertion.test_field", "Assertion.response_data"),
        flag("Assertion.assume_success", False),
        number("Assertion.test_type", MATCHES),
    ]
    return element("ResponseAssertion", "AssertionGui", name, comment, properties)


def variable_is(name: str, comment: str, variable: str, pattern: str, message: str) -> Element:
    properties = [
        collection("Asserion.test_strings", [text("0", pattern)]),
        text("Assertion.custom_message", message),
        text("Assertion.test_field", "Assertion.response_data"),
        flag("Assertion.assume_success", False),
        number("Assertion.test_type", MATCHES),
        text("Assertion.scope", "variable"),
        text("Scope.variable", variable),
    ]
    return element("ResponseAssertion", "AssertionGui", name, comment, properties)
