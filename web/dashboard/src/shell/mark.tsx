import icon from '~/icon.svg'

/** The name and its sign. */
export function Mark() {
  return (
    <span className="inline-flex items-center gap-2 text-base font-semibold tracking-tight">
      <img src={icon} alt="" width={24} height={24} />
      Daypass
    </span>
  )
}
