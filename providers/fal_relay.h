// fal's models at a relay.
#pragma once

#include "providers/provider.h"

extern const struct dialect fal_relay;
