/** The part of BigQuery's schema that is used here. */
export interface SourceField {
  name?: string
  type?: string
  mode?: string
  fields?: SourceField[]
  /** What a file's header says, if it is not a name that BigQuery takes. */
  header?: string
}
