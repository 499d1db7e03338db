"""The KFP contract of every stage: typed inputs and outputs around `trimtab.stages`."""
