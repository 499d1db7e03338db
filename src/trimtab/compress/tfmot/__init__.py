"""The only room that may import TFMOT and tf_keras."""
