/**
 * How a service knows the requests that came through the front door of the local Cloud Run, which has
 * checked the caller: the front door sends the secret of the instance in this header. On Google Cloud
 * there is no such secret, because nothing else reaches a container there.
 */
export const FRONT_DOOR_HEADER = 'x-imagery-front-door'

/** The environment variable by which the local Cloud Run gives an instance its secret. */
export const FRONT_DOOR_VARIABLE = 'IMAGERY_FRONT_DOOR_SECRET'

/** A program whose environment has the value `on` here checks by itself who calls its port. */
export const CHECK_TOKENS_VARIABLE = 'IMAGERY_CHECK_TOKENS'
