import { useId, useState } from 'react'
import { Input } from './field'

/** An id, typed or chosen by its name, or by a part that no other name has; it takes effect when one leaves the field or presses Enter. */
export function IdInput({ value, onChange, onType, choices, placeholder, label, className }: {
  value: string
  onChange: (id: string) => void
  /** What is being typed, for choices that are searched for. */
  onType?: (text: string) => void
  /** Names by id. */
  choices: Map<string, string>
  placeholder?: string
  /** Where no Field names it. */
  label?: string
  className?: string
}) {
  const [typed, setTyped] = useState<string>()
  const list = useId()
  const name = choices.get(value)
  const type = (text: string | undefined) => {
    setTyped(text)
    onType?.(text ?? '')
  }
  const done = (text: string) => {
    type(undefined)
    if (text.trim() === name) return
    onChange(idOf(text.trim(), choices))
  }
  return (
    <>
      <Input
        {...(label && { 'aria-label': label })}
        mono={value !== '' && typed === undefined && !name}
        list={list}
        placeholder={placeholder}
        title={value}
        value={typed ?? name ?? value}
        onFocus={(event) => event.target.select()}
        onChange={(event) => (choices.has(event.target.value) || event.target.value === '' ? done(event.target.value) : type(event.target.value))}
        onBlur={() => typed !== undefined && done(typed)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || typed === undefined) return
          event.preventDefault()
          done(typed)
        }}
        className={className}
      />
      <datalist id={list}>
        {[...choices].slice(0, 50).map(([id, choice]) => (
          <option key={id} value={id}>
            {choice}
          </option>
        ))}
      </datalist>
    </>
  )
}

/** The id that a text means: of the choice that is called so, or of the only one whose name has it; else the text is an id. */
export function idOf(text: string, choices: Map<string, string>): string {
  const wanted = text.toLowerCase()
  const named = [...choices].filter(([, name]) => wanted && name.toLowerCase().includes(wanted))
  const found = named.find(([, name]) => name.toLowerCase() === wanted) ?? (named.length === 1 ? named[0] : undefined)
  return found?.[0] ?? text
}
