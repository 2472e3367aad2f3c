/** A place in the text that something is to be said about. Lines and columns from 1. */
export type Mark = { line: number; column: number; message: string }

/** The places that the server's `invalid_resources` names: "line 4, column 3: …". */
export function marksOf(messages: readonly string[]): Mark[] {
  return messages.flatMap((message) => {
    const found = /^line (\d+)(?:, column (\d+))?: (.*)$/s.exec(message)
    return found ? [{ line: Number(found[1]), column: Number(found[2] ?? 1), message: found[3]! }] : []
  })
}
