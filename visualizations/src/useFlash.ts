import { useEffect, useRef, useState } from 'react';

const FLASH_MS = 900;

/** True for a moment after `value` changed; not for its first value. */
export function useFlash(value: string): boolean {
  const before = useRef(value);
  const [isOn, setOn] = useState(false);
  useEffect(() => {
    if (before.current === value) return undefined;
    before.current = value;
    setOn(true);
    const timer = setTimeout(() => setOn(false), FLASH_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return isOn;
}
