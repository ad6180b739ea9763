"""Platform: the present. Models tagged `live`, over what was published and what landed since."""
