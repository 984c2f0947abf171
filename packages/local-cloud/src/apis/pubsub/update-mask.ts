import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { maskedUpdate } from '../../kernel/field-mask.ts'

/**
 * Returns the fields in an update mask from `wanted` and the rest from `current`.
 *
 * @param paths snake_case field names, as in https://protobuf.dev/reference/protobuf/google.protobuf/#field-mask
 * @throws GoogleError INVALID_ARGUMENT for an empty mask, an unknown or a fixed field; UNIMPLEMENTED for a path into a
 * field
 */
export function applyMask<Wire extends { [field: string]: unknown }>(
  resource: string,
  current: Wire,
  wanted: Wire,
  paths: readonly string[],
  changeable: readonly string[],
): Wire {
  if (paths.length === 0) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `The update_mask in the Update${resource}Request must be set and non-empty.`,
    )
  }
  return maskedUpdate(current, wanted, paths, (path) => {
    const [field = '', ...inner] = path.split('.')
    if (!changeable.includes(field)) {
      throw new GoogleError(
        'INVALID_ARGUMENT',
        `Invalid update_mask provided in the Update${resource}Request: '${path}' is not a known and mutable ` +
          `${resource} field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.`,
      )
    }
    if (inner.length > 0) throw notEmulated(`Update${resource}Request.update_mask path "${path}"`)
    return true
  })
}
