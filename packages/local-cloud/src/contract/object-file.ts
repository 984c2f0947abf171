/**
 * A header of a download with which a client says that it can open files of this machine. A large part of an
 * object's content, or the whole, is then not sent: the response has the usual headers, no body, and the content's file. That needs the same permissions as the bytes.
 */
export const TAKES_FILE_HEADER = 'x-imagery-takes-file'

/**
 * The response's header: the full path of the content's file, percent-encoded. The file never changes, but it is deleted with
 * its object, also when a new upload replaces the object. A client that finds no file, or cannot open it, downloads the bytes.
 */
export const OBJECT_FILE_HEADER = 'x-imagery-object-file'
