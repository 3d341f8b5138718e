"""What Python's programs make of exported models: a job in JSON on the standard input, an answer in JSON on the standard output.

A job names a consumer, the folder of the unpacked export and pictures. The answer has the probabilities of each picture and the classes
in their order, or `missing`: the package that is not installed.
"""

import json
import pathlib
import sys

ABOUT_CONFIG = "config.json"


def opened(path):
    import PIL.Image

    return PIL.Image.open(path)


def pixels(path):
    import PIL.ImageOps

    return PIL.ImageOps.exif_transpose(opened(path)).convert("RGB")


def onnx_runtime(folder, pictures):
    import numpy
    import onnx
    import onnxruntime

    path = str(folder / "model.onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    session = onnxruntime.InferenceSession(path)
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    found = []
    for picture in pictures:
        probabilities, label = session.run(None, {"picture": numpy.asarray(pixels(picture))[None]})
        if str(label[0]) != classes[int(probabilities[0].argmax())]:
            raise AssertionError(f"{picture}: the label is {label[0]}")
        found.append(probabilities[0].tolist())
    return classes, found


def prepared(folder, pictures):
    """As the export's own verify.py does."""
    import importlib.util
    import torch

    spec = importlib.util.spec_from_file_location("verify", folder / "verify.py")
    verify = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(verify)
    about = json.loads((folder / ABOUT_CONFIG).read_text(encoding="utf-8"))["pretrained_cfg"]
    return [torch.from_numpy(verify.prepare(opened(picture), about)) for picture in pictures]


def shares(model, inputs):
    import torch

    with torch.no_grad():
        return [torch.softmax(model(each)[0].double(), 0).tolist() for each in inputs]


def timm_checkpoint(folder, pictures):
    import timm

    config = json.loads((folder / ABOUT_CONFIG).read_text(encoding="utf-8"))
    model = timm.create_model(
        config["architecture"], num_classes=config["num_classes"], checkpoint_path=str(folder / "model.safetensors")
    ).eval()
    return config["label_names"], shares(model, prepared(folder, pictures))


def timm_folder(folder, pictures):
    """All from the folder: the weights, what the model is, and timm's own transform for evaluation."""
    import timm
    import timm.data

    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    inputs = [transform(pixels(picture))[None] for picture in pictures]
    return json.loads((folder / ABOUT_CONFIG).read_text(encoding="utf-8"))["label_names"], shares(model, inputs)


def transformers_model(folder):
    import transformers

    model = transformers.AutoModelForImageClassification.from_pretrained(str(folder)).eval()
    labels = model.config.id2label
    return model, [labels[index] for index in range(len(labels))]


def transformers_prepared(folder, pictures):
    model, classes = transformers_model(folder)
    return classes, shares(lambda each: model(pixel_values=each).logits, prepared(folder, pictures))


def transformers_processor(folder, pictures):
    """With the preparation that transformers itself makes of the folder."""
    import transformers

    model, classes = transformers_model(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(str(folder))
    inputs = [processor(pixels(picture), return_tensors="pt")["pixel_values"] for picture in pictures]
    return classes, shares(lambda each: model(pixel_values=each).logits, inputs)


CONSUMERS = {
    "onnxruntime": onnx_runtime,
    "timm": timm_checkpoint,
    "timm folder": timm_folder,
    "transformers": transformers_prepared,
    "transformers processor": transformers_processor,
}

answers = []
for job in json.load(sys.stdin):
    try:
        classes, probabilities = CONSUMERS[job["consumer"]](pathlib.Path(job["folder"]), job["pictures"])
        answers.append({"classes": classes, "probabilities": probabilities})
    except ModuleNotFoundError as error:
        answers.append({"missing": error.name})
    except Exception as error:  # one consumer that fails says nothing of the others
        answers.append({"error": f"{type(error).__name__}: {error}"})
# Libraries print what they like before.
print("\n" + json.dumps(answers))
