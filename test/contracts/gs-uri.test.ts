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
    ['signs/a.jpg', 'is not a gs:// URI'],
    ['a:b.jpg', 'is not a gs:// URI'],
    ['https://storage.googleapis.com/images/a%0Ab.jpg', 'has a control character in its path'],
    ['https://storage.googleapis.com/../a.jpg', 'has no valid bucket name'],
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

  test.each([
    ['https://example.com/a.jpg', 'is a web address, which imagery does not read: copy the image to Cloud Storage'],
    ['HTTP://169.254.169.254/computeMetadata/v1/', 'is a web address'],
    ['https://storage.googleapis.com.example.com/images/a.jpg', 'is a web address'],
    ['https://storage.googleapis.com/images/100%.jpg', 'is a web address'],
    ['file:///etc/passwd', 'is a file on one machine: copy it to Cloud Storage'],
    ['file:/photos/a.jpg', 'is a file on one machine: copy it to Cloud Storage'],
    ['dbfs:/mnt/photos/a.jpg', 'is an address of another service (dbfs://)'],
    ['s3://images/a.jpg', 'is an address of another service (s3://)'],
    ['abfss://images@account/a.jpg', 'is an address of another service (abfss://)'],
    ['data:image/jpeg;base64,AAAA', 'is the image itself, not its address'],
    ['ftp://host/a.jpg', 'is an address of another service (ftp://)'],
  ])('is not %j, and the fault says what to do', (uri, fault) => {
    expect(parseGsUri(uri)).toEqual({ fault: expect.stringContaining(fault) })
  })
})

describe('the address of an object', () => {
  test.each([
    ['GS://images/a.jpg', 'a.jpg'],
    [' gs://images/a.jpg', 'a.jpg'],
    ['https://storage.googleapis.com/images/signs/a%20b.jpg', 'signs/a b.jpg'],
    ['https://storage.cloud.google.com/images/a.jpg?authuser=1', 'a.jpg'],
    ['https://images.storage.googleapis.com/a.jpg?X-Goog-Signature=abc', 'a.jpg'],
    ['https://storage.googleapis.com/storage/v1/b/images/o/signs%2Fa.jpg?alt=media', 'signs/a.jpg'],
    ['https://storage.googleapis.com/download/storage/v1/b/images/o/signs%2Fa.jpg?alt=media', 'signs/a.jpg'],
    ['https://www.googleapis.com/storage/v1/b/images/o/a.jpg', 'a.jpg'],
  ])('is also %s', (uri, path) => {
    expect(parseGsUri(uri)).toEqual({ bucket: 'images', path })
  })

  test.each([
    'gs://images/a.jpg#1600000000000000',
    'gs://images/a.jpg?generation=1600000000000000',
    'https://storage.googleapis.com/images/a.jpg?generation=1600000000000000',
    'https://storage.googleapis.com/download/storage/v1/b/images/o/a.jpg?alt=media&generation=1600000000000000',
    'https://storage.googleapis.com/download/storage/v1/b/images/o/a.jpg?generation=1600000000000000&alt=media',
    'https://images.storage.googleapis.com/a.jpg?generation=1600000000000000&X-Goog-Signature=abc',
    'https://storage.cloud.google.com/images/a.jpg#1600000000000000',
    'https://storage.googleapis.com/images/a.jpg?authuser=1#1600000000000000',
    'gs://images/a.jpg?generation=1600000000000000&alt=media',
  ])('can name one generation: %s', (uri) => {
    expect(parseGsUri(uri)).toEqual({ bucket: 'images', path: 'a.jpg', generation: '1600000000000000' })
  })

  test.each(['gs://images/a.jpg?generation=123', 'https://storage.googleapis.com/images/a.jpg#123'])(
    'can name a short generation: %s',
    (uri) => {
      expect(parseGsUri(uri)).toEqual({ bucket: 'images', path: 'a.jpg', generation: '123' })
    },
  )

  test.each([
    'gs://images/a.jpg?generation=latest',
    'gs://images/a.jpg?generation=',
    'https://storage.googleapis.com/images/a.jpg?generation=-1',
    'https://storage.googleapis.com/images/a.jpg?alt=media&generation=12345678901234567890',
    'https://storage.cloud.google.com/images/a.jpg#12345678901234567890',
  ])('with a generation that is none is refused, and not read as the live object: %s', (uri) => {
    expect(parseGsUri(uri)).toEqual({
      fault: expect.stringMatching(/^names the generation ".*", which is not a number/),
    })
  })

  test.each([
    'sign#12',
    'runs/261123-9f3c1a7b/images/sign#1600000000000000',
    'runs/261123-9f3c1a7b/images/a.jpg?generation=7',
  ])('may have a number at its end that is no generation: %s', (path) => {
    expect(parseGsUri(`gs://images/${path}`)).toEqual({ bucket: 'images', path })
  })
})
