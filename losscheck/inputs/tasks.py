"""The named conventions for the inputs of a loss, with the words by which a source speaks of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from losscheck.inputs.specs import InputSpec, parse_spec

#: Sizes of the named axes where nothing else is known. None of them is a batch size (see `batches`).
DEFAULT_SIZES = {"D": 3, "C": 4, "H": 14, "W": 18, "T": 6, "L": 3, "E": 24, "N": 6, "Z": 12}


@dataclass(frozen=True)
class Task:
    """A named convention: what ``y_true`` and ``y_pred`` are."""

    name: str  #: ``binary``; ``told`` where the user gave the specs
    y_true: InputSpec
    y_pred: InputSpec
    words: frozenset[str] = field(default_factory=frozenset)  #: parts of names that speak of it
    is_common: bool = True  #: tried on every loss; the others only where a word speaks of them
    is_told: bool = False  #: the user gave the inputs
    has_columns: bool = False  #: the source says that a row of either has several numbers

    @property
    def axes(self) -> int:
        """How many axes ``y_pred`` has, the batch included."""
        return len(self.y_pred.dims)

    @property
    def is_embedding(self) -> bool:
        """Whether ``y_pred`` is an embedding or a distance, not a prediction of ``y_true``."""
        return self.name in ("embedding", "embedding_column", "pairs", "triplets")

    @property
    def has_same_shapes(self) -> bool:
        """Whether ``y_true`` and ``y_pred`` have the same axes."""
        return self.y_true.dims == self.y_pred.dims


def _task(name: str, y_true: str, y_pred: str, words: str = "", *, is_common: bool = True) -> Task:
    return Task(name, parse_spec(y_true), parse_spec(y_pred), frozenset(words.split()), is_common)


#: In the order in which they are tried where the source gives no hint.
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _task(
            "regression",
            "float32[B, D] real",
            "float32[B, D] real",
            "mse mae squared regression huber quantile pinball logcosh charbonnier wing rmse",
        ),
        _task("regression_column", "float32[B, 1] real", "float32[B, 1] real"),
        _task(
            "binary",
            "float32[B, 1] binary",
            "float32[B, 1] prob",
            "binary bce focal hinge accuracy dice tversky jaccard iou f1",
        ),
        _task(
            "binary_logits",
            "float32[B, 1] binary",
            "float32[B, 1] logits",
            "sigmoid sigmoid_cross_entropy_with_logits weighted_cross_entropy_with_logits from_logits logits",
        ),
        _task(
            "categorical",
            "float32[B, C] onehot",
            "float32[B, C] simplex",
            "categorical categorical_crossentropy categorical_hinge class classes multiclass multiclass_hinge"
            " softmax_prob",
        ),
        _task(
            "categorical_logits",
            "float32[B, C] onehot",
            "float32[B, C] logits",
            "softmax log_softmax softmax_cross_entropy_with_logits logits from_logits"
            " reduce_logsumexp logsumexp",
        ),
        _task(
            "sparse_categorical",
            "int32[B] labels<C",
            "float32[B, C] simplex",
            "sparse sparse_categorical_crossentropy one_hot gather class_weights",
        ),
        _task(
            "sparse_categorical_logits",
            "int32[B] labels<C",
            "float32[B, C] logits",
            "sparse sparse_softmax_cross_entropy_with_logits logits from_logits",
        ),
        _task(
            "regression_positive",
            "float32[B, D] positive",
            "float32[B, D] positive",
            "poisson gamma rmsle msle",
        ),
        _task("multilabel", "float32[B, C] binary", "float32[B, C] prob", "multilabel asymmetric"),
        _task(
            "segmentation",
            "float32[B, H, W, 1] binary",
            "float32[B, H, W, 1] prob",
            "dice tversky jaccard iou segmentation mask masks pixel pixels pixelwise surface boundary lovasz",
        ),
        _task(
            "segmentation_logits",
            "float32[B, H, W, 1] binary",
            "float32[B, H, W, 1] logits",
            "segmentation mask masks sigmoid logits",
        ),
        _task(
            "segmentation_classes",
            "float32[B, H, W, C] onehot",
            "float32[B, H, W, C] simplex",
            "dice tversky jaccard segmentation categorical classes",
        ),
        _task(
            "image",
            "float32[B, H, W, 3] prob",
            "float32[B, H, W, 3] prob",
            "image images ssim psnr perceptual vgg conv2d extract_patches image_gradients sobel"
            " total_variation pixel",
        ),
        _task(
            "sequence",
            "float32[B, T, D] real",
            "float32[B, T, D] real",
            "sequence series steps time dtw temporal",
        ),
        _task(
            "tokens",
            "int32[B, T] labels<C",
            "float32[B, T, C] logits",
            "token tokens vocab vocabulary sequence",
        ),
        _task(
            "ctc",
            "int32[B, L] labels<C",
            "float32[B, 12, C] logits",
            "ctc ctc_loss ctc_batch_cost",
            is_common=False,
        ),
        _task(
            "ctc_blank_last",
            "int32[B, L] labels<3",
            "float32[B, 12, C] simplex",
            "ctc ctc_batch_cost",
            is_common=False,
        ),
        _task(
            "embedding",
            "int32[B] labels<3",
            "float32[B, E] real",
            "triplet embedding embeddings anchor contrastive pairwise_distances npairs arcface"
            " center centers circle",
            is_common=False,
        ),
        _task(
            "embedding_column",
            "int32[B, 1] labels<3",
            "float32[B, E] real",
            "embedding_lookup prototype prototypes",
            is_common=False,
        ),
        _task(
            "sparse_column",
            "int32[B, 1] labels<C",
            "float32[B, C] simplex",
            "sampled_softmax_loss nce_loss",
            is_common=False,
        ),
        _task(
            "pairs",
            "float32[B, 1] binary",
            "float32[B, 1] positive",
            "contrastive siamese pair pairs",
            is_common=False,
        ),
        _task(
            "location_scale",
            "float32[B, 3] real",
            "float32[B, 6] real*3|positive*3",
            "sigma mu laplace gaussian nll logvar log_var variance heteroscedastic likelihood",
            is_common=False,
        ),
        _task(
            "triplets",
            "float32[B, 1] real",
            "float32[B, 3, E] real",
            "anchor",
            is_common=False,
        ),
        _task(
            "quantiles",
            "float32[B, 1] real",
            "float32[B, D] real",
            "quantiles taus",
            is_common=False,
        ),
        _task(
            "boxes",
            "float32[B, 4] boxes",
            "float32[B, 4] boxes",
            "box boxes bbox bboxes giou diou ciou",
            is_common=False,
        ),
        _task(
            "detection",
            "float32[B, N, 4] boxes",
            "float32[B, N, 4] boxes",
            "box boxes bbox bboxes detection anchors",
            is_common=False,
        ),
        _task(
            "survival",
            "float32[B, 2] positive|binary",
            "float32[B, 1] real",
            "survival hazard hazards cox censored event",
            is_common=False,
        ),
        _task(
            "segmentation_ids",
            "int32[B, H, W] labels<C",
            "float32[B, H, W, C] simplex",
            "sparse one_hot gather ignore void",
            is_common=False,
        ),
        _task(
            "segmentation_ids_column",
            "int32[B, H, W, 1] labels<C",
            "float32[B, H, W, C] simplex",
            "sparse one_hot squeeze ignore void",
            is_common=False,
        ),
        _task(
            "ordinal",
            "int32[B] labels<C",
            "float32[B, D] logits",
            "ordinal coral corn levels sequence_mask",
            is_common=False,
        ),
        _task(
            "flow",
            "float32[B, H, W, 2] real",
            "float32[B, H, W, 2] real",
            "flow optical epe endpoint displacement",
            is_common=False,
        ),
        _task(
            "volume",
            "float32[B, Z, H, W, 1] binary",
            "float32[B, Z, H, W, 1] prob",
            "volume volumes volumetric voxel voxels conv3d",
            is_common=False,
        ),
        _task(
            "volume_classes",
            "float32[B, Z, H, W, C] onehot",
            "float32[B, Z, H, W, C] simplex",
            "volume volumes volumetric voxel voxels",
            is_common=False,
        ),
        _task(
            "image_network",
            "float32[B, 36, 40, 3] prob",
            "float32[B, 36, 40, 3] prob",
            "perceptual lpips vgg vgg16 vgg19 resnet resnet50 mobilenet efficientnet",
            is_common=False,
        ),
        _task(
            "image_large",
            "float32[B, 184, 180, 3] prob",
            "float32[B, 184, 180, 3] prob",
            "ssim_multiscale",
            is_common=False,
        ),
    )
}


def told_task(y_true: InputSpec, y_pred: InputSpec) -> Task:
    """The task of a loss whose inputs the user gave."""
    return Task("told", y_true, y_pred, is_told=True)
