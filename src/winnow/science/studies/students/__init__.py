"""Small models as generators and students: trained on the spot, asked once, their answers kept and chosen from."""
