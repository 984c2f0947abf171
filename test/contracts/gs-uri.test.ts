import { describe, expect, test } from 'vitest'
import { parseGsUri } from '../../src/contracts/gs-uri.ts'

describe('a gs:// URI', () => {
  test.each([
    ['gs://images/a.jpg', 'images', 'a.jpg'],
    ['gs://my-bucket_1.example.com/a folder/ü?#%2F+.png', 'my-bucket_1.example.com', 'a folder/ü?#%2F+.png'],
    ['gs://images//a//', 'images', '/a//'],
    ['gs://images/../../other/a.jpg', 'images', '../../other/a.jpg'],
    [`gs://${'b'.repeat(63)}/${'a'.repeat(1_024)}`, 'b'.repeat(63), 'a'.repeat(1_024)],
  ])('%s names an object', (uri, bucket, path) => {
    expect(parseGsUri(uri)).toEqual({ bucket, path })
  })

  test.each([
    ['', 'is not a gs:// URI'],
    ['https://storage.googleapis.com/images/a.jpg', 'is not a gs:// URI'],
    ['file:///etc/passwd', 'is not a gs:// URI'],
    ['http://169.254.169.254/computeMetadata/v1/', 'is not a gs:// URI'],
    ['GS://images/a.jpg', 'is not a gs:// URI'],
    [' gs://images/a.jpg', 'is not a gs:// URI'],
    ['gs://images', 'is not a gs:// URI'],
    ['gs://images/', 'is not a gs:// URI'],
    ['gs:///a.jpg', 'has no valid bucket name'],
    ['gs://ab/a.jpg', 'has no valid bucket name'],
    ['gs://Images/a.jpg', 'has no valid bucket name'],
    ['gs://-images/a.jpg', 'has no valid bucket name'],
    ['gs://user@host/a.jpg', 'has no valid bucket name'],
    ['gs://images:443/a.jpg', 'has no valid bucket name'],
    ['gs://a..b/a.jpg', 'has no valid bucket name'],
    [`gs://${'b'.repeat(64)}/a.jpg`, 'has no valid bucket name'],
    [`gs://${'b.'.repeat(111)}b/a.jpg`, 'has no valid bucket name'],
    ['gs://images/a\r\nX-Header: b', 'has a control character in its path'],
    ['gs://images/a\0.jpg', 'has a control character in its path'],
    ['gs://images/..', 'has no valid object name'],
    [`gs://images/${'ü'.repeat(513)}`, 'has a path of more than 1024 bytes'],
  ])('is not %j', (uri, fault) => {
    expect(parseGsUri(uri)).toEqual({ fault })
  })
})
