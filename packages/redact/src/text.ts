import { SHAPES } from './shapes.ts'

// Most messages hold none of these; one scan lets them pass untouched.
const SUSPICIOUS =
  /ey[JA]|ewo|ew0|k_(?:live|test)_|whsec_|rkt_|PRIVATE KEY|LS0tLS1CRUdJTi|bearer|basic|dpop|cookie|authorization|api-key|:\/\/[^\s@]{0,800}@|=|["'] {0,3}:/i

/**
 * Replaces every secret that can be told by its form, wherever it stands in a message: JWTs, `sk_live_…`, `whsec_…`,
 * `rkt_…`, PEM private keys, `Bearer x`, `Basic x`, passwords in connection strings, private members of JWKs, and
 * parameters with telling names (`client_secret=x`, `"password":"x"`).
 *
 * Never throws. Takes time linear in the length of the text.
 */
export function redactText(text: string): string {
  if (text.length < 8 || !SUSPICIOUS.test(text)) return text
  let result = text
  for (const shape of SHAPES) result = result.replace(shape.pattern, shape.replace)
  return result
}
