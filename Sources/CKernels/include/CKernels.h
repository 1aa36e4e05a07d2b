#ifndef BATHYSCOPE_CKERNELS_H
#define BATHYSCOPE_CKERNELS_H

#include "expand.h"
#include "halves.h"
#include "attention.h"
#include "layers.h"
#include "list.h"
#include "multiply.h"
#include "pause.h"
#include "sha256.h"
#include "variants.h"

#endif
