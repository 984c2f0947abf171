import type { BigIntStats } from 'node:fs'
import { z } from 'zod'

/** The endpoint that makes an object of a file of this machine. It needs the locator's `adminToken`. */
export const LOCAL_FILE_ENDPOINT = '/_imagery/objects'

/** Whole numbers as text, because they can be larger than a JSON number. */
const wholeNumber = z.string().regex(/^\d{1,20}$/)

/** What tells one content of an open file from another file, and from its own content after an edit. */
export const fileIdentity = z.strictObject({
  device: wholeNumber,
  inode: wholeNumber,
  /** Bytes. */
  size: wholeNumber,
  /** Nanoseconds since 1970. */
  modified: z.string().regex(/^-?\d{1,20}$/),
})

export type FileIdentity = z.infer<typeof fileIdentity>

/** The request. Its sender has the file open until the response, so that no other file can get the same inode. */
export const localFileRequest = z.strictObject({
  bucket: z.string(),
  /** The object's name in the bucket. */
  name: z.string(),
  contentType: z.string(),
  /** The file's full path without links. */
  path: z.string(),
  file: fileIdentity,
})

export type LocalFileRequest = z.infer<typeof localFileRequest>

export function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): FileIdentity {
  return { device: String(dev), inode: String(ino), size: String(size), modified: String(mtimeNs) }
}
