export type { HeadersLike } from './headers.ts'
export { REDACTED } from './names.ts'
export type { PinoRedaction, Serializers } from './pino.ts'
export {
  pinoRedaction,
  redactBody,
  redactForm,
  redactHeaders,
  redactJson,
  redactLine,
  redactQuery,
  redactText,
  redactValue,
  serializers,
} from './plain.ts'
export type { RedactOptions } from './policy.ts'
export { type Redactor, redactor } from './redactor.ts'
