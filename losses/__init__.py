"""The terms of both stages' objectives; every function returns an unweighted scalar tensor."""
