// A program that knows nothing of Rekey: it encrypts texts as AgentIdP does, base64(IV):base64(ciphertext).
import { createCipheriv, randomBytes } from 'node:crypto'

let input = ''
for await (const chunk of process.stdin) input += chunk
const { key, texts } = JSON.parse(input)
const encrypt = (text) => {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', Buffer.from(key, 'hex'), iv)
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return `${iv.toString('base64')}:${body.toString('base64')}`
}
process.stdout.write(JSON.stringify(texts.map(encrypt)))
