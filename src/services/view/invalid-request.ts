/** A request of the app that cannot be answered: a column that is not there, a value of the wrong type. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest'
}
