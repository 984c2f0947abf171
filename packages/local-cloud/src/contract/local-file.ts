import type { BigIntStats } from 'node:fs'
import * as z from 'zod'

/** The endpoint that makes objects of files of this machine. It needs the locator's `adminToken`. */
export const LOCAL_FILES_ENDPOINT = '/_imagery/objects'

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

/** A file that becomes an object. Its sender has it open until the response, so that no other file can get the same inode. */
const localFile = z.strictObject({
  bucket: z.string(),
  /** The object's name in the bucket. */
  name: z.string(),
  contentType: z.string(),
  /** The file's full path without links. */
  path: z.string(),
  file: fileIdentity,
})

export type LocalFile = z.infer<typeof localFile>

/** The most files in one request. The sender has all of them open. */
export const MOST_LOCAL_FILES = 64

/** The body of a request. */
export const localFilesRequest = z.strictObject({ files: z.array(localFile).min(1).max(MOST_LOCAL_FILES) })

/** The body of a response, in the order of the files: each is an object now, or has the error of an upload. */
export const localFilesResponse = z.object({
  objects: z.array(
    z.union([
      z.object({ generation: z.string() }),
      z.object({ error: z.object({ code: z.number(), message: z.string() }) }),
    ]),
  ),
})

export type LocalFilesResponse = z.infer<typeof localFilesResponse>

export function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): FileIdentity {
  return { device: String(dev), inode: String(ino), size: String(size), modified: String(mtimeNs) }
}
