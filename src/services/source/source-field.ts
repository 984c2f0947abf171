/** The part of BigQuery's schema that is used here. */
export interface SourceField {
  name?: string
  type?: string
  mode?: string
  fields?: SourceField[]
  /** What a file's header says, if it is not a name that BigQuery takes. */
  header?: string
  /** What the metadata of a GeoParquet file says about a column of shapes. */
  shapes?: Shapes
}

/** Shapes in bytes (WKB), or points as structs of x and y. */
export interface Shapes {
  encoding: 'wkb' | 'point'
  /** Why they are no locations, as the end of a sentence. Undefined for points in degrees. */
  fault?: string
}
