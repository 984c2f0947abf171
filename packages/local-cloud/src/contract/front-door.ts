/**
 * The header that identifies requests from the front door of the local Cloud Run, which has checked the
 * caller: it contains the instance's secret. Google Cloud has no such secret, because nothing else
 * reaches a container there.
 */
export const FRONT_DOOR_HEADER = 'x-imagery-front-door'

/** The environment variable with an instance's secret, set by the local Cloud Run. */
export const FRONT_DOOR_VARIABLE = 'IMAGERY_FRONT_DOOR_SECRET'

/** If this environment variable is `on`, the program checks the callers of its port itself. */
export const CHECK_TOKENS_VARIABLE = 'IMAGERY_CHECK_TOKENS'
