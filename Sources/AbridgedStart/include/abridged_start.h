/* Nothing to call: what is here takes the place of what others call. */
