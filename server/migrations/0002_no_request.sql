-- The order that a call was placed with: nobody ever read it, and it held what the request said.
ALTER TABLE call DROP COLUMN request;
