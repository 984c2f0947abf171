import { httpSource } from '../http-source/http-source.ts'
import { start } from './start.tsx'

start(httpSource())
