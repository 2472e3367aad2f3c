import { useId, useState } from 'react'
import { Input } from './field'

/** An id, typed or chosen by its name; it takes effect when one leaves the field or presses Enter. */
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
    const byName = [...choices].find(([, choice]) => choice === text.trim())
    onChange(byName?.[0] ?? text.trim())
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
